// pipes: bytes through a chain of processes, in order, none lost; and what happens when one end is gone.
#include "mini/user/user.h"

enum { BYTES = 20000, STAGES = 4 };

static uint8_t byte_at(uint32_t i) { return (uint8_t)(i * 7 + i / 251); }

static void produce(int out)
{
    uint8_t piece[100];
    for (uint32_t i = 0; i < BYTES; i += sizeof piece) {
        for (uint32_t j = 0; j < sizeof piece; j++) piece[j] = byte_at(i + j);
        write(out, piece, sizeof piece);
    }
}

static void pass(int in, int out) // pieces of another size than they come in
{
    uint8_t piece[333];
    int n;
    while ((n = read(in, piece, sizeof piece)) > 0) write(out, piece, (uint32_t)n);
}

static uint32_t consume(int in) // how many bytes were right
{
    uint8_t piece[777];
    uint32_t right = 0, seen = 0;
    int n;
    while ((n = read(in, piece, sizeof piece)) > 0)
        for (int i = 0; i < n; i++) right += piece[i] == byte_at(seen++);
    return right;
}

static int stage(int in) // a child that writes what it makes of `in`; where to read that
{
    int ends[2];
    if (pipe(ends)) exit(1);
    if (fork() == 0) {
        close(ends[0]);
        if (in < 0) produce(ends[1]);
        else pass(in, ends[1]);
        exit(0);
    }
    close(ends[1]);
    if (in >= 0) close(in);
    return ends[0];
}

int main(void)
{
    int ends[2], in = -1;
    for (int i = 0; i < STAGES; i++) in = stage(in);
    uint32_t right = consume(in);
    close(in);
    while (wait(NULL) > 0) {}
    printf("pipes: %u of %u bytes came right through %d processes\n", right, BYTES, STAGES);
    pipe(ends);
    close(ends[0]);
    int error = write(ends[1], "x", 1);
    close(ends[1]);
    printf("pipes: writing where nobody reads: %s\n", error_text(error));
    return right != BYTES || error != E_PIPE;
}
