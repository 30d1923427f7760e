/* Speaker's notes: the real program on two terminals, one for the room and one for the speaker.
 *
 * The program is ./ringside, or what RINGSIDE names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sim/core/err.h"
#include "tests/support/vterm.h"

enum { PATIENCE = 20000 /* milliseconds until we give up */ };

static char run_dir[256], setting[300];

static const char *program(void)
{
    const char *p = getenv("RINGSIDE");
    return p && *p ? p : "./ringside";
}

static struct vt *start(const char *command, const char *what, const char *option)
{
    const char *const argv[] = { program(), command, what, option, NULL }, *const env[] = { setting, NULL };
    return vt_start(argv, env, 80, 40);
}

static void expect(struct vt *t, const char *text)
{
    if (vt_wait(t, text, PATIENCE)) return;
    struct text s = { 0 };
    vt_screen(t, &s);
    print_error("%s\n", text_str(&s));
    text_free(&s);
    fail_msg("the screen does not show \"%s\"", text);
}

/* How many sockets there are; the mode of the last, and of their folder. */
static unsigned sockets(mode_t *mode, mode_t *folder)
{
    char dir[280], path[560];
    struct dirent *entry;
    struct stat st;
    unsigned n = 0;
    snprintf(dir, sizeof dir, "%s/ringside", run_dir);
    if (stat(dir, &st)) return 0;
    *folder = st.st_mode & 0777;
    DIR *d = opendir(dir);
    while ((entry = readdir(d)) != NULL) {
        if (*entry->d_name == '.') continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (stat(path, &st) || !S_ISSOCK(st.st_mode)) continue;
        *mode = st.st_mode & 0777;
        n++;
    }
    closedir(d);
    return n;
}

static void test_follows(void **state)
{
    mode_t mode = 0, folder = 0;
    (void)state;
    struct vt *room = start("tui", "popf", "--lecture");
    expect(room, "1 / 7");
    assert_int_equal(sockets(&mode, &folder), 1);
    assert_int_equal(mode, 0600);
    assert_int_equal(folder, 0700);
    struct vt *speaker = start("notes", NULL, NULL);
    expect(speaker, "Step 1 of 7: Guest kernel in ring 1");
    expect(speaker, "NEXT  STI traps");
    vt_type(room, "nnnn");
    expect(room, "What will happen?");
    expect(speaker, "Step 5 of 7: POPF does not trap  (title and ladder still hidden)");
    expect(speaker, "> C  IF stays as it is"); /* the speaker knows the answer before the room */
    vt_type(room, "p");
    expect(room, "POPF does not trap");
    assert_true(vt_wait_gone(speaker, "still hidden", PATIENCE));
    vt_type(room, "b");
    expect(speaker, "THE SCREEN IS BLANK");
    vt_type(room, "xq"); /* the first key only shows the screen again */
    assert_int_equal(vt_end(room, PATIENCE), EXIT_GOOD);
    expect(speaker, "The lecture has ended.");
    assert_int_equal(vt_end(speaker, PATIENCE), EXIT_GOOD);
    assert_int_equal(sockets(&mode, &folder), 0);
    vt_free(room);
    vt_free(speaker);
}

/* A lecture that was killed leaves its socket behind; whoever comes next clears it away. */
static void test_after_a_crash(void **state)
{
    mode_t mode = 0, folder = 0;
    (void)state;
    struct vt *room = start("tui", "popf", NULL);
    expect(room, "Press n");
    vt_signal(room, SIGKILL);
    assert_int_equal(vt_end(room, PATIENCE), 128 + SIGKILL);
    vt_free(room);
    assert_int_equal(sockets(&mode, &folder), 1);
    struct vt *speaker = start("notes", NULL, NULL);
    expect(speaker, "no lecture runs");
    assert_int_equal(vt_end(speaker, PATIENCE), EXIT_ENVIRONMENT);
    vt_free(speaker);
    assert_int_equal(sockets(&mode, &folder), 0);
}

static int clean(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", run_dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_follows), cmocka_unit_test(test_after_a_crash) };
    const char *tmp = getenv("TMPDIR");
    snprintf(run_dir, sizeof run_dir, "%s/ringside-notes.%ld", tmp && *tmp ? tmp : "/tmp", (long)getpid());
    if (mkdir(run_dir, 0700)) return 1;
    snprintf(setting, sizeof setting, "XDG_RUNTIME_DIR=%s", run_dir);
    return cmocka_run_group_tests(tests, NULL, clean);
}
