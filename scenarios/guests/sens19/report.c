// Guest `sens19`: collects the values of one row and prints them as one line.
//
// A line: row NN name: what value, what value, ... expected value value ... same|DIFFERENT
// The hypervisor's own values may appear in such a line; those of a bare machine never vary.
#include "sens19/sens19.h"

enum { MAX_ITEMS = 10 };

struct item {
    const char *what;
    uint32_t got, want;
    int digits;
    bool faulted;
    uint32_t vector, code;
};

static struct item items[MAX_ITEMS];
static int item_count;

uint32_t fault_vector, fault_code;
extern uint32_t recover_eip; // attempt.S

void caught(struct trap_frame *frame)
{
    if (recover_eip == 0)
        trap_unexpected(frame);
    fault_vector = frame->vector;
    fault_code = frame->error_code;
    frame->eip = recover_eip;
}

void check(const char *what, uint32_t got, uint32_t want, int digits)
{
    if (item_count == MAX_ITEMS) {
        print("too many values in a row\n");
        finish(false);
    }
    items[item_count++] = (struct item){.what = what, .got = got, .want = want, .digits = digits};
}

static void mark_fault(struct item *item)
{
    item->faulted = true;
    item->vector = fault_vector;
    item->code = fault_code;
}

void check_after(void (*snippet)(void), const char *what, uint32_t want, int digits)
{
    bool survived = attempt(snippet);
    check(what, seen[0], want, digits);
    if (!survived)
        mark_fault(&items[item_count - 1]);
}

void note_fault(const char *what)
{
    check(what, 0, 0, 1);
    mark_fault(&items[item_count - 1]);
}

static void print_exception(uint32_t vector, uint32_t code)
{
    print(vector == VECTOR_GP ? "#GP" : vector == 6 ? "#UD" : vector == 10 ? "#TS" : vector == 11 ? "#NP"
          : vector == 12 ? "#SS" : vector == VECTOR_PF ? "#PF" : "#");
    if (vector != 6 && (vector < 10 || vector > 14)) {
        print_hex(vector, 2);
    } else if (vector != 6) {
        print("(");
        print_hex(code, 4);
        print(")");
    }
}

void print_fault(void)
{
    print_exception(fault_vector, fault_code);
}

static bool print_item(const struct item *item)
{
    print(item->what);
    print(" ");
    if (item->faulted) {
        print("fault ");
        print_exception(item->vector, item->code);
        return false;
    }
    print_hex(item->got, item->digits);
    return item->got == item->want;
}

bool report_row(int number, const char *name)
{
    bool same = true;
    print(number < 10 ? "row 0" : "row ");
    print_dec((uint32_t)number);
    print(" ");
    print(name);
    print(": ");
    for (int i = 0; i < item_count; i++) {
        if (i > 0)
            print(", ");
        same = print_item(&items[i]) && same;
    }
    print(" expected");
    for (int i = 0; i < item_count; i++) {
        print(" ");
        print_hex(items[i].want, items[i].digits);
    }
    print(same ? " same\n" : " DIFFERENT\n");
    item_count = 0;
    return same;
}
