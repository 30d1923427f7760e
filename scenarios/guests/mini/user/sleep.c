// sleep MILLISECONDS
#include "mini/user/user.h"

int main(int argc, char **argv)
{
    int begin = uptime(), wanted = argc > 1 ? text_number(argv[1]) : 1000;
    sleep((uint32_t)wanted);
    return uptime() - begin < wanted; // it must not come back early
}
