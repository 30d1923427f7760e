// files: the file system under load: a large file, many small ones, and everything given back.
#include "mini/user/user.h"

enum { LARGE = 200000, SMALL = 40, PIECE = 1000 };

static uint8_t byte_at(uint32_t i) { return (uint8_t)(i * 7 + (i >> 8)); }

static uint32_t write_large(const char *path)
{
    uint8_t piece[PIECE];
    uint32_t done = 0;
    int fd = open(path, O_WRITE | O_CREATE | O_TRUNCATE), n = PIECE;
    for (; done < LARGE && n == PIECE; done += (uint32_t)n) {
        for (uint32_t i = 0; i < PIECE; i++) piece[i] = byte_at(done + i);
        n = write(fd, piece, PIECE);
        if (n < 0) break;
    }
    close(fd);
    return done;
}

static uint32_t read_large(const char *path)
{
    uint8_t piece[777];
    uint32_t at = 0, right = 0;
    int n, fd = open(path, O_READ);
    while ((n = read(fd, piece, sizeof piece)) > 0)
        for (int i = 0; i < n; i++) right += piece[i] == byte_at(at++);
    close(fd);
    return right;
}

static void small_name(char *name, int i)
{
    text_copy(name, "/f/00", 8);
    name[3] = (char)('0' + i / 10);
    name[4] = (char)('0' + i % 10);
}

static int small_files(bool make)
{
    char name[8];
    int good = 0;
    for (int i = 0; i < SMALL; i++) {
        small_name(name, i);
        int fd = make ? open(name, O_WRITE | O_CREATE) : -1;
        good += make ? write(fd, name, 6) == 6 : unlink(name) == 0;
        if (fd >= 0) close(fd);
    }
    return good;
}

int main(void)
{
    uint32_t written = write_large("/large"), right = read_large("/large");
    printf("files: %u bytes written, %u read back right\n", written, right);
    mkdir("/f");
    int made = small_files(true), full = unlink("/f"), removed = small_files(false), empty = unlink("/f");
    printf("files: %d made, %d removed; their directory first: %s, then: %s\n", made, removed, error_text(full),
           empty ? error_text(empty) : "removed");
    uint32_t again = 0;
    for (int i = 0; i < 4; i++) again += unlink("/large") == 0 && write_large("/large") == LARGE;
    unlink("/large");
    printf("files: %u times more, in the room it had\n", again);
    return written != LARGE || right != LARGE || made != SMALL || removed != SMALL || again != 4 || full != E_EXIST || empty;
}
