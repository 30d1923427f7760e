// ls [-l] [PATH ...]: names of the files in a directory; with -l also kind and size.
#include "mini/user/user.h"

static bool detailed;

static void show(const char *directory, const char *name)
{
    char path[160];
    struct stat s = { .type = TYPE_FREE };
    uint32_t n = text_length(directory);
    text_copy(path, directory, 120);
    path[n] = '/';
    text_copy(path + n + 1, name, 32);
    int fd = open(path, O_READ);
    if (fd >= 0) stat(fd, &s), close(fd);
    if (detailed) printf("%c %7u  ", s.type == TYPE_DIRECTORY ? 'd' : '-', s.size);
    printf("%s%s\n", name, s.type == TYPE_DIRECTORY ? "/" : "");
}

static int list(const char *path)
{
    struct directory_entry e;
    struct stat s;
    int fd = open_or_complain("ls", path);
    if (fd < 0) return 1;
    stat(fd, &s);
    if (s.type != TYPE_DIRECTORY) printf("%s\n", path);
    while (s.type == TYPE_DIRECTORY && read(fd, &e, sizeof e) == (int)sizeof e)
        if (e.inode && e.name[0] != '.') show(path, e.name);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    int status = 0, i = 1;
    if (argc > 1 && text_equal(argv[1], "-l")) detailed = true, i++;
    if (i == argc) status = list(".");
    for (; i < argc; i++) status |= list(argv[i]);
    return status;
}
