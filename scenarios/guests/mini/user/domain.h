// What the parts of the program `domain` offer each other.
#ifndef MINI_USER_DOMAIN_H
#define MINI_USER_DOMAIN_H

#include "mini/user/user.h"

int domain_failed(const char *word, int number, int error);                  // says so; 0 if it did not
int domain_from_image(int number, const char *path, const char *words);      // domain_image.c: `words` is its command line; 0, or it has complained

#endif
