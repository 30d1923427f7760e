/* Where the shipped scenarios and the built guests lie: near the program, wherever it was started from.
 *
 *   RINGSIDE_SCENARIOS, DIR/scenarios, DIR/../scenarios, ... , DIR/../share/ringside/scenarios, ./scenarios
 *   DIR/build/guests, DIR/guests, DIR/../guests, ... , DIR/../share/ringside/guests, ./build/guests
 * with DIR the program's own directory: the tree, a build directory in it, or an installation. */
#include "sim/script/script.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 512 };

static const char *const near_scenarios[] = { "scenarios", "../scenarios", "../../scenarios", "../../../../scenarios",
                                              "../share/ringside/scenarios" };
static const char *const near_guests[] = { "build/guests", "guests", "../guests", "../../guests", "../../../guests",
                                           "../build/guests", "../../build/guests", "../share/ringside/guests" };

static bool program_dir(char *dir)
{
    ssize_t n = readlink("/proc/self/exe", dir, PATH - 1);
    if (n <= 0) return false;
    dir[n] = 0;
    char *slash = strrchr(dir, '/');
    if (!slash) return false;
    *slash = 0;
    return true;
}

static bool join(char *out, const char *dir, const char *name)
{
    int n = snprintf(out, PATH, "%s/%s", dir, name);
    return n > 0 && n < PATH;
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* As a person would write it: without detours, and relative if it lies below the current directory. */
static void shorten(char *path)
{
    char whole[PATH_MAX], here[PATH_MAX];
    if (!realpath(path, whole) || !getcwd(here, sizeof here)) return;
    size_t n = strlen(here);
    const char *name = strncmp(whole, here, n) || whole[n] != '/' ? whole : whole + n + 1;
    if (strlen(name) < PATH) strcpy(path, name);
}

/* The directory of shipped scenarios. */
static bool scenarios_dir(char *dir)
{
    const char *env = getenv("RINGSIDE_SCENARIOS");
    char program[PATH];
    if (env && *env && strlen(env) < PATH) {
        strcpy(dir, env);
        return is_dir(dir);
    }
    if (program_dir(program))
        for (size_t i = 0; i < sizeof near_scenarios / sizeof near_scenarios[0]; i++)
            if (join(dir, program, near_scenarios[i]) && is_dir(dir)) {
                shorten(dir);
                return true;
            }
    strcpy(dir, "scenarios");
    return is_dir(dir);
}

bool find_scenario(const char *name, char *found)
{
    char dir[PATH], file[64];
    if (strchr(name, '/') || strlen(name) > 40 || !scenarios_dir(dir)) return false;
    snprintf(file, sizeof file, "%s.lua", name);
    if (!join(found, dir, file) || !is_file(found)) return false;
    shorten(found);
    return true;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

unsigned find_scenarios(char (*names)[32], unsigned room, char *dir)
{
    unsigned n = 0;
    DIR *d = scenarios_dir(dir) ? opendir(dir) : NULL;
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d)) != NULL && n < room;) {
        size_t len = strlen(e->d_name);
        if (len < 5 || len > 31 + 4 || e->d_name[0] == '.' || strcmp(e->d_name + len - 4, ".lua") != 0) continue;
        snprintf(names[n++], 32, "%.*s", (int)(len - 4), e->d_name);
    }
    closedir(d);
    qsort(names, n, sizeof names[0], by_name);
    return n;
}

/* "guests/popf.s", "popf.elf" and "popf" mean the same built image; "mini.img", a module, means itself. */
static void image_name(const char *guest, char *name)
{
    const char *slash = strrchr(guest, '/');
    snprintf(name, PATH, "%.400s", slash ? slash + 1 : guest);
    char *dot = strrchr(name, '.');
    if (dot && !strcmp(dot, ".img")) return;
    if (dot && (!strcmp(dot, ".s") || !strcmp(dot, ".S") || !strcmp(dot, ".c") || !strcmp(dot, ".elf"))) *dot = 0;
    strcat(name, ".elf");
}

bool find_guest(const char *dir, const char *guest, char *found)
{
    char program[PATH], near[PATH], name[PATH];
    const char *dot = strrchr(guest, '.');
    bool source = dot && (!strcmp(dot, ".s") || !strcmp(dot, ".c") || !strcmp(dot, ".S"));
    if (!source && guest[0] == '/') {
        snprintf(found, PATH, "%s", guest);
        return is_file(found);
    }
    if (!source && join(found, dir, guest) && is_file(found)) return true;
    image_name(guest, name);
    if (program_dir(program))
        for (size_t i = 0; i < sizeof near_guests / sizeof near_guests[0]; i++)
            if (join(near, program, near_guests[i]) && join(found, near, name) && is_file(found)) {
                shorten(found);
                return true;
            }
    return join(found, "build/guests", name) && is_file(found);
}

bool find_lab(const char *name, char *found)
{
    char dir[PATH], labs[PATH], file[PATH];
    if (strchr(name, '/') || strlen(name) > 40 || *name == '.' || !scenarios_dir(dir) || !join(labs, dir, "labs")) return false;
    if (!join(found, labs, name) || !join(file, found, "lab.lua") || !is_file(file)) return false;
    shorten(found);
    return true;
}

unsigned find_labs(char (*names)[32], unsigned room)
{
    char dir[PATH], labs[PATH], found[PATH];
    unsigned n = 0;
    DIR *d = scenarios_dir(dir) && join(labs, dir, "labs") ? opendir(labs) : NULL;
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d)) != NULL && n < room;)
        if (strlen(e->d_name) < 32 && find_lab(e->d_name, found)) snprintf(names[n++], 32, "%.31s", e->d_name);
    closedir(d);
    qsort(names, n, sizeof names[0], by_name);
    return n;
}
