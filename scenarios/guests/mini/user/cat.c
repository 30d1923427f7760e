// cat [FILE ...]: files, or the standard input, to the standard output.
#include "mini/user/user.h"

static int copy(int fd)
{
    char piece[512];
    int n;
    while ((n = read(fd, piece, sizeof piece)) > 0)
        if (write(1, piece, (uint32_t)n) != n) return 1;
    return n < 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    if (argc == 1) return copy(0);
    for (int i = 1; i < argc; i++) {
        int fd = open_or_complain("cat", argv[i]);
        status |= fd < 0 ? 1 : copy(fd);
        if (fd >= 0) close(fd);
    }
    return status;
}
