// halt [STATUS]: switches the machine off.
#include "mini/user/user.h"

int main(int argc, char **argv)
{
    return halt(argc > 1 ? text_number(argv[1]) : 0);
}
