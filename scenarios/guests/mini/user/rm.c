// rm PATH ...: files, and directories that are empty.
#include "mini/user/user.h"

int main(int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc; i++) {
        int error = unlink(argv[i]);
        if (error) eprintf("rm: %s: %s\n", argv[i], error_text(error)), status = 1;
    }
    return status;
}
