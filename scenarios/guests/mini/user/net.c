// net [ping WHO COUNT [SIZE] | answer]: the own address; or sends numbered frames to the address that ends in WHO (two hexadecimal digits), and counts
// those that come back; or sends back what others ask.
//
// Idea: a frame says whether it asks, and its number; its bytes follow from that, so what is altered on the way is noticed. Who gets no answer
// in time asks again: a network may lose frames. Whoever has the address that the others ask is the one who answers, until it is quiet
// for a while; so several machines can have the same command.
// Not here: protocols.
#include "mini/user/user.h"

enum { HEADER = 14, TYPE_HIGH = 0x88, TYPE_LOW = 0xB5 /* for experiments: IEEE 802 */, ASKS = 1, ANSWERS = 2, LEAST = 60 };
enum { WAIT = 20, TRIES = 100, FIRST = 4000, QUIET = 500 }; // ms, times

static uint8_t own[6], other[6];
static uint8_t in[FRAME_MOST], out[FRAME_MOST];

static uint8_t pattern(uint32_t number, int i) { return (uint8_t)(number * 7 + (uint32_t)i * 13); }

static void make(const uint8_t *to, uint8_t what, uint32_t number, int size)
{
    memcpy(out, to, 6);
    memcpy(out + 6, own, 6);
    out[12] = TYPE_HIGH, out[13] = TYPE_LOW, out[HEADER] = what;
    memcpy(out + HEADER + 1, &number, 4);
    for (int i = HEADER + 5; i < size; i++) out[i] = pattern(number, i);
}

static bool is_ours(int size)
{
    uint32_t number;
    if (size < LEAST || in[12] != TYPE_HIGH || in[13] != TYPE_LOW) return false;
    memcpy(&number, in + HEADER + 1, 4);
    for (int i = HEADER + 5; i < size; i++)
        if (in[i] != pattern(number, i)) {
            eprintf("net: byte %d of frame %u is wrong\n", i, number);
            exit(1);
        }
    return true;
}

static bool from_other(void)
{
    for (int i = 0; i < 6; i++)
        if (in[6 + i] != other[i]) return false;
    return true;
}

static int answer(void)
{
    uint32_t asked = 0;
    for (int size; (size = net_receive(in, asked ? QUIET : FIRST)) > 0;) {
        uint32_t number;
        if (!is_ours(size) || in[HEADER] != ASKS) continue;
        memcpy(&number, in + HEADER + 1, 4);
        make(in + 6, ANSWERS, number, size);
        if (net_send(out, (uint32_t)size) != size) return 1;
        asked++;
    }
    printf("net: %s\n", asked ? "answered" : "nobody asked");
    return asked ? 0 : 1;
}

// A mirror's answer is the question.
static bool one(uint32_t number, int size)
{
    for (int i = 0; i < TRIES; i++) {
        make(other, ASKS, number, size);
        if (net_send(out, (uint32_t)size) != size) return false;
        for (int came; (came = net_receive(in, WAIT)) > 0;) {
            uint32_t is;
            if (!is_ours(came) || !from_other()) continue;
            memcpy(&is, in + HEADER + 1, 4);
            if (is == number && came == size) return true;
        }
    }
    return false;
}

static uint8_t digit(char c) { return (uint8_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10); }

static int ping(const char *who, int count, int size)
{
    int answered = 0;
    memcpy(other, own, 6);
    other[5] = (uint8_t)(digit(who[0]) << 4 | digit(who[1]));
    if (other[5] == own[5]) return answer();
    for (int i = 0; i < count; i++) answered += one((uint32_t)i, size);
    printf("net: %d frames of %d bytes, %d answered\n", count, size, answered);
    return answered == count ? 0 : 1;
}

int main(int argc, char **argv)
{
    int error = net_address(own);
    if (error) {
        eprintf("net: %s\n", error_text(error));
        return 1;
    }
    if (argc >= 4 && text_equal(argv[1], "ping")) {
        int size = argc > 4 ? text_number(argv[4]) : LEAST;
        if (!argv[2][0] || size < LEAST || size > FRAME_MOST) return 1;
        return ping(argv[2], text_number(argv[3]), size);
    }
    if (argc == 2 && text_equal(argv[1], "answer")) return answer();
    for (int i = 0; i < 6; i++) printf(i ? ":%02x" : "%02x", own[i]);
    printf("\n");
    return 0;
}
