#include "../../../../etc/passwd"
