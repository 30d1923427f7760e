/* The table of commands and what is said about them. See cmd.h. */
#include "sim/cmd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/lesson.h"
#include "sim/machine.h"

static const char run_more[] =
    "A scenario tells its steps, then shows the log, a summary, and how the same\n"
    "guest does bare; it writes a ladder diagram. An image just runs: its serial\n"
    "output goes to stdout, the summary to stderr.\n\n"
    "  ringside run popf\n"
    "  ringside run popf --json - -q\n"
    "  ringside run popf --narrate --pause\n"
    "  ringside run --dry mine.lua          looks a scenario through, runs nothing\n"
    "  ringside run kernel.elf --cpu te --limit-cycles 1e9\n";
static const char tui_more[] =
    "  ringside tui popf\n"
    "  ringside tui kernel.elf --cpu te\n"
    "  ringside tui popf --lecture              PgDn and PgUp walk, p reveals\n"
    "  ringside tui popf --at fail:1            where the first expectation failed\n"
    "  ringside tui --watch mine.lua            read again whenever it changes\n"
    "  ringside tui popf --keys nns --dump screen.txt\n";
static const char draw_more[] =
    "  ringside draw ladder popf -o popf.svg\n"
    "  ringside draw ladder popf --from step:2 --to step:4 -o popf.pdf --theme print\n"
    "  ringside draw ladder kernel.elf --cpu te --format txt -o -\n"
    "  ringside draw ladder popf --frames -o 'popf-%02d.svg' --size 16x9\n"
    "  ringside draw ladder popf --frames -o popf.tex      a growing Beamer slide\n"
    "  ringside draw ladder popf -o popf.mmd                 Mermaid; .puml: PlantUML\n"
    "  ringside draw ladder popf rings trap -o '%s.svg'      several; --shard 1/4\n\n"
    "  ringside draw bars popf -o bars.svg     cycles by cause on each machine\n"
    "  ringside draw diff rings --on native,te two ladders, what differs marked\n"
    "  ringside draw hist popf -o hist.png     what visits to the hypervisor took\n"
    "  ringside draw timeline rings -o t.svg   who ran when; --from and --to zoom\n"
    "  ringside draw matrix -o matrix.md       sensitive instructions by technique\n"
    "  ringside draw decision -o decision.svg  by the theorems\n"
    "  ringside draw walk shadow --va page_directory,write --at step:4\n"
    "  ringside draw tables shadow --from step:4 --to step:5\n"
    "  ringside draw bits popf --at step:5     registers bit by bit, guest and real\n"
    "  ringside draw rings popf                who runs where, ways between rings\n"
    "  ringside draw screen popf --at step:5 --keys 2 --term 100x30\n\n"
    "The format follows the ending: .svg .dot .txt are made here, .png and .pdf\n"
    "with rsvg-convert or neato. The matrix can be .md .tex .svg .txt, too; the\n"
    "decision is laid out by dot.\n";
static const char trace_more[] =
    "  ringside trace popf | less\n"
    "  ringside trace kernel.elf --cpu te --format jsonl -o kernel.jsonl\n"
    "  ringside trace popf --episodes | sort -k1.90 | tail\n"
    "  ringside trace kernel.elf --instr --last 1000\n"
    "  ringside trace popf --format perfetto -o popf.json    for ui.perfetto.dev\n"
    "  ringside trace popf --format folded | flamegraph.pl >popf.svg\n"
    "  ringside trace popf -o popf.vcd                       for GTKWave\n"
    "  ringside trace popf -o popf.cast                      for asciinema\n\n"
    "  ringside trace record popf -o popf.rtrace             the run in a file\n"
    "  ringside trace print popf.rtrace --episodes\n"
    "  ringside trace convert popf.rtrace -o popf.csv\n"
    "  ringside trace diff monday.rtrace friday.rtrace\n\n"
    "Formats: text, jsonl, perfetto, csv, folded, vcd, cast, pcap; else the ending of\n"
    "-o says. diff's exit code is 1 if the runs differ.\n";
static const char compare_more[] =
    "  ringside compare popf\n"
    "  ringside compare kernel.elf --on native,te --json -\n"
    "  ringside compare popf --on native,te --lockstep\n\n"
    "The first machine is the reference. A machine that cannot run the guest is\n"
    "shown as refused, with the reason. Timing and resources may differ; where the\n"
    "guest can see anything else, both are brought there in step and it is said\n"
    "after which instruction. --limit-instr bounds the steps (default 20M).\n"
    "pv takes the port NAME-pv.elf beside NAME.elf: its console is compared.\n"
    "Exit code 1: some machine's guest could see a difference.\n";
static const char classify_more[] =
    "  ringside classify\n"
    "  ringside classify popf                       its witnesses\n"
    "  ringside classify --set cpu.umip=1           what a CPU of 2017 changes\n"
    "  ringside classify --set cpu.virtualizable=1  what a virtualizable one would\n"
    "  ringside classify --set cpu.untrap=HLT       if one did not trap\n\n"
    "Executes every instruction on pairs of states that differ only in mode, only in\n"
    "location, only in time, and prints who is privileged, who is sensitive, and\n"
    "whether Popek and Goldberg's three theorems hold.\n";
static const char explain_more[] =
    "  ringside explain popf\n"
    "  ringside explain page-fault\n"
    "  ringside explain vmm.dispatch\n"
    "  ringside explain shadow page table\n"
    "  ringside explain PgDn                 what a key of the terminal does\n"
    "  ringside explain port                 how much of mini its port changes\n"
    "  ringside explain terms                the words of the subject\n"
    "  ringside explain                      all words\n";
static const char exec_more[] =
    "Without FILE, or with -, lines come from standard input. One line is one case:\n\n"
    "  NAME HEXBYTES [eax= ecx= edx= ebx= esp= ebp= esi= edi= eip= flags= ds= es= ss=\n"
    "       cs= fs= gs=] [fill=SEED] [m@ADDR=BYTES ...] [ring=0..3 iopl=0..3]\n"
    "  ldt N BASE LIMIT CONTENTS SEG32 READONLY PAGES    for the lines after it\n"
    "  # a comment\n\n"
    "Numbers are hex. Each case begins fresh: ring 3, paging with 8000-9fff and\n"
    "20000000-20001fff writable, the code at 10000100 read-only, nothing else.\n"
    "One line comes out: NAME, then ok, or vec=V err=E cr2=A, or limit, then all\n"
    "registers and the memory that changed.\n\n"
    "  echo 'add 01d8 eax=7fffffff ebx=1' | ringside exec\n"
    "  echo 'cli fa ring=1 iopl=0' | ringside exec\n\n"
    "docs/exec.md is the manual: selectors of each ring, INT n, what is undefined.\n";

static const char bench_more[] =
    "  ringside bench nano              nine operations beside the paper's figures\n"
    "  ringside bench nano -v           and what each cycle went for\n"
    "  ringside bench nano --set cost.vmx.exit=900 --csv -\n"
    "  ringside bench macro             workloads, and who should beat whom\n"
    "  ringside bench macro --model nehalem\n"
    "  ringside bench sweep             workloads on native, bt, vtx and pv\n"
    "  ringside bench sweep --set cost.vmexit=400..4000 -o sweep.svg\n"
    "  ringside bench sweep fork --on native,vtx --set cost.vmexit=0..4000:9\n\n"
    "nano:\n"
    "The operations of Adams & Agesen 2006 (ASPLOS) and RDTSC emulated in three ways,\n"
    "bare, translated and under hardware assist, measured by the machine's own clock.\n"
    "What of it was fitted is marked; all else is a prediction.\n\n"
    "macro: process creation, system calls, computing and TLB misses (mini's program\n"
    "bench) on each technique, beside what was published; nothing was fitted to it.\n\n"
    "sweep: the workloads fork, wide, call, compute and walk, or images by\n"
    "their path, while one figure goes from A to B in STEPS (7): where techniques\n"
    "cross, and how straight the lines are. --shard I/N does every Nth point only;\n"
    "the CSV rows of all shards together are those of the whole.\n";

static const char quiz_more[] =
    "  ringside quiz                        the topics\n"
    "  ringside quiz tables --seed 7        a problem; the same one for the same seed\n"
    "  ringside quiz walk --seed 7 --solve  and its answers, worked out\n"
    "  ringside quiz walk --problems 20 --solve --json -\n"
    "  printf '33\\n6\\n' | ringside quiz tables --ask\n\n"
    "On a terminal each question waits for an answer; an empty line passes. Right or\n"
    "wrong, it is worked out; the exit code is 1 unless all were right.\n\n"
    "Each problem is a run of a guest that was given numbers; what is asked is what\n"
    "then lies in its memory, or is counted. The answers are the machine's.\n";

static const char completion_more[] =
    "  . <(ringside completion bash)                      in ~/.bashrc\n"
    "  ringside completion zsh >~/.zfunc/_ringside        a folder of $fpath\n"
    "  ringside completion fish >~/.config/fish/completions/ringside.fish\n\n"
    "Commands, options, their values, scenarios and built guests.\n";
static const char manual_more[] =
    "  ringside manual run | man -l -\n"
    "  ringside manual | mandoc -a\n\n"
    "`make install` puts all pages where man(1) finds them, with those of the file\n"
    "formats.\n";
static const char doctor_more[] =
    "  ringside doctor\n"
    "  ringside doctor --json -\n\n"
    "Says of everything that Ringside can use whether it is there, and what is lost\n"
    "without it. Exit code 6 if something is missing that lessons need.\n";

static const char notes_more[] =
    "  ringside tui popf --lecture      in the terminal the room sees\n"
    "  ringside notes                   in the one that you see\n\n"
    "What to say, the answer before the room has it, what comes next, how long it\n"
    "should take. It follows the lecture and ends with it; only you can listen.\n";

static const char lab_more[] =
    "  ringside lab start isa            makes ./isa: what to do, a start, its tests\n"
    "  ringside lab start isa week3\n"
    "  ringside lab pack isa --for gradescope -o isa.zip\n"
    "  ringside lab selftest isa         for who gives it out: the solution must have\n"
    "                                    all points, the start none, bugs be caught\n\n"
    "docs/lab.md is the manual: working on a lab, writing one.\n";
static const char grade_more[] =
    "  ringside grade                       in a lab's folder: its own tests\n"
    "  ringside grade isa --submission alice\n"
    "  ringside grade isa --all submissions --jobs 2 --format csv -o grades.csv\n"
    "  ringside grade isa --submission alice --only 4 -v\n"
    "  ringside grade --at fail:1           the screen where the first test fails\n"
    "  ringside grade --at fail:2 --report results.json    where one failed then\n"
    "  ringside grade --dry                 looks it through, runs nothing\n"
    "  ringside grade isa --hidden hidden --format gradescope -o results.json\n\n"
    "Each test runs in a process of its own, bounded by simulated cycles and Lua\n"
    "instructions, so that a score is the same everywhere. Exit code 1 unless all\n"
    "points were got, 3 if the tests themselves are broken.\n"
    "docs/grading.md is the manual: writing tests, formats, what is walled off.\n";

static const char repl_more[] =
    "  ringside repl popf                   a prompt, with history and Tab\n"
    "  ringside repl kernel.elf --cpu te\n"
    "  echo 'vm:run(till.label \"kmain\") print(vm.esp)' | ringside repl popf\n\n"
    "An expression is shown with its values, tables written out; expect.eq(...) says\n"
    "whether it holds. What a line leaves open goes on in the next one.\n"
    "Lines of standard input: exit code 3 if one of them was wrong.\n"
    "docs/lua.md: what vm and till can do.\n";
static const char merge_more[] =
    "  ringside grade isa --all s --shard 1/4 --format csv -o part-1.csv    and so on\n"
    "  ringside merge part-*.csv -o grades.csv\n"
    "  ringside bench sweep --set cost.vmexit=400..4000 --shard 1/4 --json part-1.json\n"
    "  ringside merge part-*.json -o sweep.json\n\n"
    "Takes grade's csv, json and junit, bench sweep's --csv and --json, and draw's\n"
    "--json, in any order; the result is, byte for byte, what one run would have\n"
    "written.\n"
    "docs/scale.md: GNU parallel, Slurm, Kubernetes.\n";

const struct command commands[] = {
    { "run", "SCENARIO|IMAGE", "run without a screen, print a summary", FOR_RUN, run_more, cmd_run },
    { "tui", "SCENARIO|IMAGE", "step through it on a screen", FOR_TUI, tui_more, cmd_tui },
    { "notes", "", "a lecture's speaker notes, in a second window", FOR_NOTES, notes_more, cmd_notes },
    { "draw", "KIND [SCENARIO|IMAGE ...]", "make a diagram: svg, dot, png, pdf, txt", FOR_DRAW, draw_more, cmd_draw },
    { "trace", "[VERB] SCENARIO|IMAGE", "every event, in many formats; runs in files", FOR_TRACE, trace_more, cmd_trace },
    { "compare", "SCENARIO|IMAGE", "the same guest on several machines", FOR_COMPARE, compare_more, cmd_compare },
    { "bench", "KIND [LOAD|IMAGE]", "what operations and workloads cost", FOR_BENCH, bench_more, cmd_bench },
    { "classify", "[INSTRUCTION]", "who is sensitive or privileged; the theorems", FOR_CLASSIFY, classify_more, cmd_classify },
    { "explain", "[WORD ...]", "an instruction, exit, event, term, key, ...", FOR_EXPLAIN, explain_more, cmd_explain },
    { "quiz", "[TOPIC]", "practice problems, with worked answers", FOR_QUIZ, quiz_more, cmd_quiz },
    { "lab", "VERB NAME [FOLDER]", "begin a lab, or try it before giving it out", FOR_LAB, lab_more, cmd_lab },
    { "grade", "[LAB]", "run a lab's tests, write scores", FOR_GRADE, grade_more, cmd_grade },
    { "merge", "FILE ...", "join what shards reported into one report", FOR_MERGE, merge_more, cmd_merge },
    { "repl", "SCENARIO|IMAGE", "lines of Lua about a machine", FOR_REPL, repl_more, cmd_repl },
    { "exec", "[FILE]", "run single instructions, a line each", FOR_EXEC, exec_more, cmd_exec },
    { "list", "[model NAME]", "what there is; a CPU model as a file", FOR_LIST, NULL, cmd_list },
    { "doctor", "", "is all here: terminal, programs, folders", FOR_DOCTOR, doctor_more, cmd_doctor },
    { "completion", "bash|zsh|fish", "what the Tab key offers, as a script", FOR_TALK, completion_more, cmd_completion },
    { "manual", "[COMMAND]", "a manual page, as man(1) reads it", FOR_TALK, manual_more, cmd_manual },
    { "help", "[COMMAND]", "this help, or that of one command", FOR_TALK, NULL, cmd_help },
    { "version", "", "the version", FOR_TALK, NULL, cmd_version },
        { "asm", "", "", 0, NULL, NULL },
    { "disasm", "", "", 0, NULL, NULL },
    { NULL, NULL, NULL, 0, NULL, NULL },
};

static const char *program = "ringside";
void command_called(const char *argv0)
{
    if (argv0 && *argv0) program = argv0;
}
const char *command_program(void) { return program; }

const struct command *command_find(const char *word, struct err *e)
{
    const char *words[32];
    unsigned n = 0;
    struct text all = { 0 };
    for (const struct command *c = commands; c->word; c++) {
        if (!strcmp(c->word, word) && c->run) {
            text_free(&all);
            return c;
        }
        if (c->run) {
            text_add(&all, "%s%s", n ? ", " : "", c->word);
            words[n++] = c->word;
        }
    }
    const char *near = config_suggest(word, words, n);
    bool planned = false;
    for (const struct command *c = commands; c->word; c++) planned |= !c->run && !strcmp(c->word, word);
    if (planned)
        err_set(e, EXIT_USAGE, "%s: planned, not in version %s; there are: %s", word, RINGSIDE_VERSION, text_str(&all));
    else if (near) err_set(e, EXIT_USAGE, "%s: no such command; did you mean `%s`?", word, near);
    else if (access(word, F_OK) == 0)
        err_set(e, EXIT_USAGE, "%s: no such command, but a file of that name; did you mean `run %s`?", word, word);
    else err_set(e, EXIT_USAGE, "%s: no such command; there are: %s", word, text_str(&all));
    text_free(&all);
    return NULL;
}

const char *command_operand(const struct options *o, unsigned at, const char *what, struct err *e)
{
    if (o->operands <= at) {
        err_set(e, EXIT_USAGE, "%s is missing; `ringside list` shows the scenarios", what);
        return NULL;
    }
    if (o->operands > at + 1) {
        err_set(e, EXIT_USAGE, "%s: one word too many after %s; --help shows the form", o->operand[at + 1],
                o->operand[at]);
        return NULL;
    }
    return o->operand[at];
}

const char *command_subject(const struct options *o, unsigned at, struct err *e)
{
    if (o->operands == at && (o->machine.bios[0] || o->machine.disks)) return "";
    return command_operand(o, at, "a scenario or an image", e);
}

/* --- help -------------------------------------------------------------------------------------------------------- */

void command_help(const struct command *c, struct text *out)
{
    text_add(out, "usage: ringside %s%s%s%s\n\n%s\n", c->word, c->bit & FOR_TALK ? "" : " [options]",
             *c->form ? " " : "", c->form, c->about);
    if (c->more) text_add(out, "\n%s", c->more);
    text_add(out, "\nOptions (--name value, or --name=value)\n");
    options_help(c->bit, out);
    if (c->bit & FOR_MACHINE)
        text_add(out, "\nA path to an existing file wins over a scenario's name. A scenario brings its\n"
                      "machine; options of the command line come on top. An image alone runs with\n"
                      "--cpu native.\n");
}

static void list_commands(struct text *out)
{
    for (const struct command *c = commands; c->word; c++) {
        if (!c->run) continue;
        text_add(out, "  %-10s %-21s %s\n", c->word, c->form, c->about);
    }
}

void command_short(struct text *out)
{
    text_add(out, "usage: ringside COMMAND [options] [SCENARIO|IMAGE]\n\n");
    list_commands(out);
    text_add(out, "\n  try: ringside run popf        more: ringside --help, ringside COMMAND --help\n");
}

void command_overview(struct text *out)
{
    text_add(out, "Ringside " RINGSIDE_VERSION ": an instructional virtualization simulator\n\n"
                  "  ringside list                              what there is\n"
                  "  ringside run popf                          a lesson as text\n"
                  "  ringside tui popf                          the same, step by step on a screen\n"
                  "  ringside run kernel.elf --cpu te           your own kernel, deprivileged\n"
                  "  ringside draw ladder popf -o popf.svg      a diagram of it\n\n"
                  "Commands\n");
    list_commands(out);
    text_add(out, "  planned:");
    size_t line = out->len - strlen("  planned:");
    for (const struct command *c = commands; c->word; c++) {
        if (c->run) continue;
        if (out->len - line + strlen(c->word) > 76) {
            line = out->len + 1;
            text_add(out, "\n          ");
        }
        text_add(out, " %s", c->word);
    }
    text_add(out, "\n\nExit codes\n"
                  "  0 the guest ended well, all held          4 the guest died\n"
                  "  1 an expectation or the guest failed      5 a limit was reached\n"
                  "  2 wrong usage, impossible combination     6 cannot write, a program is missing\n"
                  "  3 unusable image or scenario              70 our bug      130 interrupted\n\n"
                  "ringside COMMAND --help tells the options of one command.\n");
}

static int print(struct text *t, struct err *e)
{
    text_write(t, "-", e);
    text_free(t);
    return e->code;
}

int cmd_help(const struct options *o, struct err *e)
{
    struct text t = { 0 };
    const struct command *c = NULL;
    if (o->operands > 1) {
        command_operand(o, 0, "", e);
        return e->code;
    }
    if (o->operands && !(c = command_find(o->operand[0], e))) return e->code;
    if (c) command_help(c, &t);
    else command_overview(&t);
    return print(&t, e);
}

int cmd_version(const struct options *o, struct err *e)
{
    struct text t = { 0 };
    if (o->operands) {
        err_set(e, EXIT_USAGE, "%s: `version` takes nothing", o->operand[0]);
        return e->code;
    }
    text_add(&t, "ringside " RINGSIDE_VERSION "\n");
    return print(&t, e);
}

/* A number of the list, or a name as it stands; "" for an empty line. */
static bool read_pick(const struct lesson_entry *list, unsigned n, char *picked, size_t room, struct err *e)
{
    char line[256] = "", *end;
    if (!fgets(line, sizeof line, stdin)) line[0] = 0;
    line[strcspn(line, "\r\n")] = 0;
    const char *typed = line + strspn(line, " ");
    unsigned long number = strtoul(typed, &end, 10);
    bool is_number = *typed && !*end;
    if (is_number && (number < 1 || number > n)) return err_set(e, EXIT_USAGE, "%.40s: the scenarios have the numbers 1 to %u", typed, n);
    snprintf(picked, room, "%s", is_number ? list[number - 1].name : typed);
    return true;
}

int command_picker(char *picked, size_t room, struct err *e)
{
    static struct lesson_entry list[64];
    struct text t = { 0 };
    bool ask = isatty(STDIN_FILENO);
    unsigned n = lesson_list(list, 64, e);
    *picked = 0;
    text_add(&t, "Ringside " RINGSIDE_VERSION ": the scenarios\n");
    for (unsigned i = 0; i < n; i++) text_add(&t, "%2u %-11s %s\n", i + 1, list[i].name, list[i].title);
    if (!ask) text_add(&t, "%s tui %s, %s --help\n", program, n ? list[0].name : "NAME", program);
    else text_add(&t, "Number or name (Enter: none; %s --help: all commands): ", program);
    if (print(&t, e) != EXIT_GOOD || !ask) return e->code;
    fflush(stdout);
    return read_pick(list, n, picked, room, e) ? EXIT_GOOD : e->code;
}
