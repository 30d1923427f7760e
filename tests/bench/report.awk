# Medians of a bench run's times, as speeds and ratios beside the goals. See bench.sh.
function median(list,    n, v, i, j, t) {
    n = split(list, v, " ")
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
    return n ? (v[int((n + 1) / 2)] + v[int((n + 2) / 2)]) / 2 : 0
}
function mips(p, k,    t) {
    if (!((p, k) in times)) return 0
    t = median(times[p, k]) - median(times[p, "empty"])
    return t > 0 ? count[p, k] / t / 1000 : 0
}
function ratio(a, b, k) { return mips(b, k) > 0 ? mips(a, k) / mips(b, k) : 0 }
function goal(name, what, value, threshold) {
    if (value > 0)
        printf "%-4s %-44s %8.2f  goal %-6s %s\n", name, what, value, threshold, (value >= threshold + 0 ? "met" : "NOT MET")
}
function geometric(a, b, set,    n, v, i, s, m) {
    n = split(set, v, " ")
    for (i = 1; i <= n; i++) {
        if (ratio(a, b, v[i]) <= 0) return 0
        s += log(ratio(a, b, v[i]))
        m++
    }
    return m ? exp(s / m) : 0
}
function each(name, a, b, set, thresholds,    n, v, t, i) {
    n = split(set, v, " ")
    split(thresholds, t, " ")
    for (i = 1; i <= n; i++) goal(name, a " / " b ", " v[i], ratio(a, b, v[i]), t[i])
}
$1 == "count" { count[$2, $3] = $4; if (!($3 in known)) { known[$3] = 1; kernels = kernels " " $3 } next }
{ times[$1, $2] = times[$1, $2] " " $3; if (!($1 in seen)) { seen[$1] = 1; peers = peers " " $1 } }
END {
    np = split(peers, p, " ")
    nk = split(kernels, k, " ")
    printf "million instructions a second, medians\n%-11s", ""
    for (j = 1; j <= nk; j++) printf "%9s", k[j]
    print ""
    for (i = 1; i <= np; i++) {
        printf "%-11s", p[i]
        for (j = 1; j <= nk; j++) printf "%9s", (mips(p[i], k[j]) > 0 ? sprintf("%.1f", mips(p[i], k[j])) : "-")
        print ""
    }
    print ""
    nine = "int wide walk syscall ptchurn portio ctxsw flags cold"
    eight = "wide walk syscall ptchurn portio ctxsw flags cold"
    six = "syscall ptchurn portio ctxsw flags cold"
    goal("P1", "on / bochs, int", ratio("on", "bochs", "int"), 5.0)
    goal("P2", "on / bochs, geometric mean of nine", geometric("on", "bochs", nine), 4.2)
    each("P3", "on", "bochs", eight, "2.2 1.3 2.8 4.2 8 10 6 4.5")
    each("P4", "on", "bochs", nine, "4.1 3.0 1.45 2.85 2.4 3.15 1.55 4.2 2.5")
    each("P5", "on", "icount", "int wide", "0.5 0.5")
    each("P6", "on", "icount", six, "1.1 3.7 8 5.5 1.4 10")
    goal("P6", "on / icount, geometric mean of six", geometric("on", "icount", six), 3.8)
    goal("P7", "on / qemu, int", ratio("on", "qemu", "int"), 0.25)
    goal("P8", "off / qemu, geometric mean of nine", geometric("off", "qemu", nine), 3.0)
    each("P8", "off", "qemu", nine, "0.40 0.85 1.2 1.2 1.2 1.2 1.2 1.2 1.2")
    goal("P9", "on / one, int", ratio("on", "one", "int"), 7)
    goal("P10", "on / off, int", ratio("on", "off", "int"), 0.52)
    goal("P10", "base latencies alone / off, int", ratio("base", "off", "int"), 0.95)
    goal("P11", "on / cachegrind, int", ratio("on", "cachegrind", "int"), 1.7)
    goal("P13", "every instruction into the ring / on, int", ratio("ring", "on", "int"), 0.2)
    launch = median(times["on", "launch"])
    other = median(times["qemu", "launch"])
    if (launch > 0) printf "P12  launch to the end of an empty kernel: %.1f ms (goal 10), QEMU %.1f ms (goal 8 times)\n", launch, other
}
