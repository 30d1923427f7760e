/* Which answers of a student are right, which wrong, and which none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "sim/quiz.h"

static void test_judge(void **state)
{
    static const struct { const char *right, *given; bool hex; enum quiz_verdict is; } rows[] = {
        { "33", "33", false, QUIZ_RIGHT },         { "33", " 33. ", false, QUIZ_RIGHT },       { "33", "33 tables", false, QUIZ_RIGHT },
        { "33", "0x21", false, QUIZ_RIGHT },       { "33", "21h", false, QUIZ_RIGHT },         { "33", "34", false, QUIZ_WRONG },
        { "33", "3 3", false, QUIZ_WRONG },        { "33", "", false, QUIZ_PASSED },           { "33", "  ?! ", false, QUIZ_PASSED },
        { "33", "many", false, QUIZ_UNCLEAR },     { "33", "a fault", false, QUIZ_UNCLEAR },   { "0", "0", false, QUIZ_RIGHT },
        { "0", "-0", false, QUIZ_RIGHT },          { "33", "33333333333333333333333333", false, QUIZ_WRONG },
        { "2; 2; 10", "2 2 10", false, QUIZ_RIGHT }, { "2; 2; 10", "2,2,10", false, QUIZ_RIGHT }, { "2; 2; 10", "2; 10; 2", false, QUIZ_WRONG },
        { "2; 2; 10", "10", false, QUIZ_UNCLEAR },
        { "physical address 0013FC2C", "13fc2c", true, QUIZ_RIGHT }, { "physical address 0013FC2C", "0x0013FC2C", true, QUIZ_RIGHT },
        { "physical address 0013FC2C", "physical address 0013FC2C", true, QUIZ_RIGHT },
        { "physical address 0013FC2C", "13FC2D", true, QUIZ_WRONG }, { "physical address 0013FC2C", "#PF(0)", true, QUIZ_WRONG },
        { "page fault, error code 5", "#PF(5)", true, QUIZ_RIGHT },  { "page fault, error code 5", "fault 5", true, QUIZ_RIGHT },
        { "page fault, error code 5", "PF 7", true, QUIZ_WRONG },    { "page fault, error code 5", "5", true, QUIZ_WRONG },
        { "page fault, error code 5", "a fault", true, QUIZ_UNCLEAR },
        { "a true fault", "true", false, QUIZ_RIGHT },     { "a true fault", "A TRUE FAULT!", false, QUIZ_RIGHT },
        { "a true fault", "hidden", false, QUIZ_WRONG },   { "a true fault", "no", false, QUIZ_WRONG },
        { "a hidden fault", "a hidden one", false, QUIZ_RIGHT }, { "a hidden fault", "true or hidden", false, QUIZ_WRONG },
        { "no fault", "none", false, QUIZ_RIGHT },         { "no fault", "no fault", false, QUIZ_RIGHT },
        { "no fault", "a fault", false, QUIZ_WRONG },      { "no fault", "7", false, QUIZ_UNCLEAR },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (quiz_judge(rows[i].right, rows[i].hex, rows[i].given) != rows[i].is)
            fail_msg("\"%s\" for \"%s\": %d, not %d", rows[i].given, rows[i].right, quiz_judge(rows[i].right, rows[i].hex, rows[i].given), rows[i].is);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_judge) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
