// wc [FILE]: lines, words and bytes.
#include "mini/user/user.h"

int main(int argc, char **argv)
{
    char piece[512];
    uint32_t lines = 0, words = 0, bytes = 0;
    bool inside = false;
    int n, fd = argc > 1 ? open_or_complain("wc", argv[1]) : 0;
    if (fd < 0) return 1;
    while ((n = read(fd, piece, sizeof piece)) > 0) {
        bytes += (uint32_t)n;
        for (int i = 0; i < n; i++) {
            bool space = piece[i] == ' ' || piece[i] == '\n' || piece[i] == '\t';
            lines += piece[i] == '\n';
            words += inside && space;
            inside = !space;
        }
    }
    printf("%u %u %u\n", lines, words + inside, bytes);
    return 0;
}
