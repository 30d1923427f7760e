// sh: the shell.
//
//     line     = pipeline { (";" | "&" | "&&" | "||") pipeline }
//     pipeline = command { "|" command }
//     command  = { word | "<" word | ">" word | ">>" word }
//
// Idea: fork makes a process, exec a program of it; what happens in between, in the child, arranges its files: that is all
// there is to pipes and redirection. A word is ended by a space or one of these signs; quotes keep words together.
// Not here: variables, patterns, loops.
#include "mini/user/user.h"

enum { LINE = 1024, WORDS = 32 };

static const char *at;        // what is left of the line
static char storage[LINE * 2]; // the words of one pipeline
static uint32_t stored;
static int last_status;

// ---- Words and signs -------------------------------------------------------------------------------------------------

static bool is_sign(char c) { return c == ';' || c == '&' || c == '|' || c == '<' || c == '>'; }

static void skip_spaces(void)
{
    while (*at == ' ' || *at == '\t') at++;
    if (*at == '#') at += text_length(at);
}

static bool sign(const char *s) // takes it if it is next
{
    skip_spaces();
    if (!text_begins(at, s)) return false;
    at += text_length(s);
    return true;
}

static char *take_word(void) // NULL: the next thing is none
{
    skip_spaces();
    if (!*at || is_sign(*at)) return NULL;
    char *begin = &storage[stored];
    while (*at && *at != ' ' && *at != '\t' && !is_sign(*at)) {
        if (*at != '\'' && *at != '"') {
            storage[stored++] = *at++;
            continue;
        }
        char quote = *at++;
        while (*at && *at != quote) storage[stored++] = *at++;
        if (*at) at++;
    }
    storage[stored++] = 0;
    return begin;
}

// ---- One command -----------------------------------------------------------------------------------------------------

struct command {
    char *word[WORDS + 1];
    int words;
    const char *from, *to;
    bool append;
};

static bool parse_command(struct command *c)
{
    *c = (struct command){ .words = 0 };
    for (;;) {
        char *w;
        if (sign("<")) c->from = take_word();
        else if (sign(">>")) c->to = take_word(), c->append = true;
        else if (sign(">")) c->to = take_word(), c->append = false;
        else if ((w = take_word()) && c->words < WORDS) c->word[c->words++] = w;
        else return c->words > 0;
    }
}

static void redirect(int fd, const char *path, uint32_t mode)
{
    if (!path) return;
    close(fd);
    int error = open(path, mode); // gets the number that was closed: the lowest that is free
    if (error >= 0) return;
    eprintf("sh: %s: %s\n", path, error_text(error));
    exit(1);
}

static void become(struct command *c)
{
    char path[64] = "/bin/";
    redirect(0, c->from, O_READ);
    redirect(1, c->to, O_WRITE | O_CREATE | (c->append ? O_APPEND : O_TRUNCATE));
    bool named = false;
    for (const char *s = c->word[0]; *s; s++) named |= *s == '/';
    text_copy(named ? path : path + 5, c->word[0], sizeof path - 5);
    int error = exec(path, c->word);
    eprintf("sh: %s: %s\n", c->word[0], error_text(error));
    exit(127);
}

// What must happen in the shell itself, for a child could not do it for us.
static bool built_in(const struct command *c)
{
    int error = 0;
    if (text_equal(c->word[0], "cd")) error = chdir(c->words > 1 ? c->word[1] : "/");
    else if (text_equal(c->word[0], "exit")) exit(c->words > 1 ? text_number(c->word[1]) : last_status);
    else if (text_equal(c->word[0], "wait")) while (wait(NULL) > 0) {}
    else return false;
    if (error < 0) eprintf("sh: %s: %s\n", c->word[1], error_text(error));
    last_status = error < 0;
    return true;
}

// ---- Pipelines and lines -----------------------------------------------------------------------------------------------

static void move(int from, int to) // descriptor `from` becomes `to`
{
    if (from == to) return;
    close(to);
    dup(from);
    close(from);
}

static int start(struct command *c, int input, int output, int unwanted)
{
    int pid = fork();
    if (pid) return pid;
    if (unwanted >= 0) close(unwanted);
    move(input, 0);
    move(output, 1);
    become(c);
    return 0;
}

static void wait_for(int pid)
{
    int status, ended;
    while ((ended = wait(&status)) > 0)
        if (ended == pid) {
            last_status = status;
            return;
        }
}

// Runs up to the end of a pipeline; false if the line makes no sense.
static bool run_pipeline(void)
{
    struct command c;
    int input = 0, pid = 0, started = 0;
    stored = 0;
    for (;;) {
        if (!parse_command(&c)) return false;
        bool more = *at == '|' && at[1] != '|' && sign("|");
        if (!more && !started && built_in(&c)) return true;
        int ends[2] = { -1, 1 };
        if (more && pipe(ends) < 0) return false;
        pid = start(&c, input, ends[1], ends[0]);
        started++;
        if (input) close(input);
        if (!more) break;
        close(ends[1]);
        input = ends[0];
    }
    if (pid < 0) eprintf("sh: fork: %s\n", error_text(pid));
    else if (*at == '&' && at[1] != '&') return true;
    else
        while (started--) wait_for(pid);
    return true;
}

static void run_line(const char *line)
{
    bool skip = false;
    for (at = line; skip_spaces(), *at;) {
        const char *begin = at;
        if (skip) { // read it all the same, to find its end
            struct command c;
            stored = 0;
            do parse_command(&c);
            while (*at == '|' && at[1] != '|' && sign("|"));
        } else if (!run_pipeline()) {
            eprintf("sh: I do not understand: %s\n", begin);
            last_status = 2;
            return;
        }
        if (sign("&&")) skip = last_status != 0;
        else if (sign("||")) skip = last_status == 0;
        else if (sign(";") || sign("&")) skip = false;
        else if (skip_spaces(), *at) {
            eprintf("sh: I do not understand: %s\n", at);
            last_status = 2;
            return;
        }
    }
}

int main(int argc, char **argv)
{
    static char line[LINE];
    int input = 0;
    if (argc > 2 && text_equal(argv[1], "-c")) {
        run_line(argv[2]);
        return last_status;
    }
    if (argc > 1 && (input = open_or_complain("sh", argv[1])) < 0) return 1;
    for (;;) {
        if (!input) printf("$ ");
        if (read_line(input, line, sizeof line) < 0) return last_status;
        run_line(line);
    }
}
