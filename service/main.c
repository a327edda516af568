/* crier: gets breaking news from a CMS to every channel, once. Everything is in cli.c's table
 * of verbs; this file exists so that the rest is a library the tests can link. */

#include "service/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
