#!/usr/bin/env bash
# make bench: nine kernels on Ringside beside QEMU, Bochs and cachegrind, as far as they are installed.
#
# Every round runs everybody once, kernel by kernel; medians of the rounds are compared, and only within this run. Speed is
# the kernel's instructions (as Ringside counts them, for everybody) by the processor time of the process less what an empty
# kernel takes, so that start-up does not count. int and wide are over so soon on a translator that its start-up, which scatters by a
# tenth of a second, would be half of what is measured: the quick ones run them four times as long, and the empty one twice a round.
# Nothing here passes or fails: it prints ratios beside the goals P1 to P15.
#   bench.sh [-r ROUNDS] [-s PERCENT of the work] [KERNEL ...]          RINGSIDE=./ringside
set -eu
cd "$(dirname "$0")/../.."
ringside=${RINGSIDE:-./ringside} rounds=3 scale=100 build=build/bench
while getopts r:s: option; do
    case $option in
    r) rounds=$OPTARG ;;
    s) scale=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
all=(int wide walk syscall ptchurn portio ctxsw flags cold)
kernels=("$@")
[ $# -gt 0 ] || kernels=("${all[@]}")
declare -A work=([int]=30 [wide]=40 [walk]=40 [syscall]=20 [ptchurn]=30 [portio]=20 [ctxsw]=15 [flags]=60 [cold]=60 [empty]=1)
declare -A long=([int]=4 [wide]=4) # for `quick`, in kernels k-long
quick=' on off base qemu icount '
log=$build/times
mkdir -p $build
: > $log

have() { command -v "$1" > /dev/null; }
wall() { # command...: milliseconds of the clock on the wall
    local from to
    from=$(date +%s%N)
    "$@" > $build/out 2> $build/err < /dev/null || true
    to=$(date +%s%N)
    echo $(((to - from) / 10000)) | sed 's/..$/.&/; s/^\./0./'
}
milliseconds() { # command...: of processor time, which others on the machine disturb least
    local TIMEFORMAT='%U %S'
    { time "$@" > $build/out 2> $build/err < /dev/null || true; } 2> $build/cpu
    awk '{ printf "%.1f\n", ($1 + $2) * 1000 }' $build/cpu
}

flags="-std=gnu17 -O2 -m32 -march=i686 -mgeneral-regs-only -ffreestanding -fno-pic -fno-pie -fno-stack-protector
    -fno-asynchronous-unwind-tables -fcf-protection=none -fno-tree-loop-distribute-patterns -nostdlib -static -no-pie
    -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-z,noexecstack -I. -T tests/bench/guest.ld"
printf '#include "tests/bench/bench.h"\nuint32_t work(void) { return 0; }\n' > $build/empty.c
compile() { # kernel, program, rounds
    local source=tests/bench/$1.c
    [ $1 = empty ] && source=$build/empty.c
    ${GUEST_CC:-gcc} $flags -DROUNDS=$(($3 ? $3 : 1)) -o $build/$2.elf $source tests/bench/start.c
}
for k in empty "${kernels[@]}"; do
    n=$((${work[$k]} * scale / 100))
    compile $k $k $n
    [ -z "${long[$k]-}" ] || compile $k $k-long $((n * long[$k]))
    mkdir -p $build/iso-$k/boot/grub
    cp $build/$k.elf $build/iso-$k/boot/kernel.elf
    printf 'set timeout=0\nset default=0\nmenuentry k {\n multiboot /boot/kernel.elf\n boot\n}\n' > $build/iso-$k/boot/grub/grub.cfg
done

# ---- the peers: one function each, that runs a kernel ----
peer_on() { "$ringside" run $build/$1.elf --model p4 --ram 128M -q; }
peer_base() { "$ringside" run $build/$1.elf --model p4 $base --ram 128M -q; }
peer_off() { "$ringside" run $build/$1.elf --model off --ram 128M -q; }
peer_ring() { "$ringside" trace $build/$1.elf --model p4 --ram 128M --instr --last 1000; }
qemu() { qemu-system-i386 -accel tcg"$2" -m 128 -kernel $build/$1.elf -display none -serial null -monitor none -no-reboot \
    -device isa-debug-exit,iobase=0xf4,iosize=4 ${3:+-icount shift=0}; }
peer_qemu() { qemu $1 ""; }
peer_icount() { qemu $1 "" icount; }
peer_one() { qemu $1 "$one_insn"; }
# Debian's Bochs starts in its debugger and wants a terminal: script(1) lends one. It leaves by itself when told "Shutdown".
peer_bochs() { TERM=xterm timeout 300 script -qc "bochs -q -f $build/bochs-$1.rc -rc $build/bochs-go" /dev/null; }
# What is left of the model without caches and prediction: each instruction's own cycles.
base=$(printf ' --set cost.%s=0' l1i.kb l1d.kb l2.kb branch.counters)
peers=(on off base ring)
if have qemu-system-i386; then
    peers+=(qemu icount)
    one_insn=",one-insn-per-tb=on" # since QEMU 8.1; before it was -singlestep
    qemu-system-i386 -accel tcg,help 2>&1 | grep -q one-insn-per-tb || one_insn=
    [ -n "$one_insn" ] || peer_one() { qemu-system-i386 -singlestep -m 128 -kernel $build/$1.elf -display none -serial null \
        -monitor none -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4; }
    peers+=(one)
fi
# Bochs has no Multiboot loader: it boots from a CD with GRUB, if there is what makes one.
if have bochs && have grub-mkrescue && have xorriso && have script; then
    echo c > $build/bochs-go
    if grub-mkrescue -o $build/empty.iso $build/iso-empty > /dev/null 2>&1; then
        peers+=(bochs)
        for k in empty "${kernels[@]}"; do
            grub-mkrescue -o $build/$k.iso $build/iso-$k > /dev/null 2>&1
            cat > $build/bochs-$k.rc <<END
megs: 128
romimage: file=/usr/share/bochs/BIOS-bochs-legacy
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$build/$k.iso, status=inserted
boot: cdrom
display_library: term
log: /dev/null
cpu: ips=100000000, reset_on_triple_fault=0
clock: sync=none
panic: action=fatal
END
        done
    fi
fi

# ---- measuring ----
program() { # peer, kernel: what it runs of that
    [[ $quick = *" $1 "* ]] && [ -n "${long[$2]-}" ] && echo $2-long || echo $2
}
instructions() { # program
    "$ringside" run $build/$1.elf --ram 128M --json - 2> /dev/null | sed -n 's/.*"instructions": \([0-9]*\).*/\1/p' | head -n 1
}
declare -A count
for k in "${kernels[@]}"; do
    count[$k]=$(instructions $k)
    [ -z "${long[$k]-}" ] || count[$k-long]=$(instructions $k-long)
done
for ((r = 1; r <= rounds; r++)); do
    for k in empty "${kernels[@]}"; do
        for p in "${peers[@]}"; do
            [[ $p = @(base|ring) ]] && [ $k != int ] && [ $k != empty ] && continue
            [ $p = one ] && [ $k != int ] && [ $k != empty ] && continue # it takes for ever, and only int is asked for
            echo "$p $k $(milliseconds peer_$p $(program $p $k))" >> $log
            [ $k = empty ] && [[ $quick = *" $p "* ]] && echo "$p $k $(milliseconds peer_$p $k)" >> $log
        done
    done
done
for ((r = 1; r <= 5; r++)); do
    for p in on qemu; do [[ " ${peers[*]} " = *" $p "* ]] && echo "$p launch $(wall peer_$p empty)" >> $log; done
done
if have valgrind && [[ " ${kernels[*]} " = *" int "* ]]; then
    gcc -O2 -m32 -march=i686 -DUSER -DROUNDS=5 -o $build/int-user tests/bench/int.c
    for ((r = 1; r <= rounds; r++)); do
        echo "cachegrind int $(milliseconds valgrind --tool=cachegrind --cache-sim=yes --branch-sim=yes \
            --cachegrind-out-file=/dev/null $build/int-user)" >> $log
    done
    echo "cachegrind empty $(milliseconds valgrind --tool=cachegrind --cache-sim=yes --cachegrind-out-file=/dev/null true)" >> $log
fi
n=$((${work[int]} * scale / 100))
for k in "${kernels[@]}"; do
    for p in "${peers[@]}"; do echo "count $p $k ${count[$(program $p $k)]}"; done
    [ $k = int ] && echo "count cachegrind int $((count[int] * 5 / (n ? n : 1)))"
done > $build/counts
awk -f tests/bench/report.awk $build/counts $log
inside=build/release/tests/speed/inside
if [ -x $inside ] && [[ " ${kernels[*]} " = *" int "* ]] && [[ " ${kernels[*]} " = *" wide "* ]]; then
    $inside $build/int.elf $build/wide.elf
fi
