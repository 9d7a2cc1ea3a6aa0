/* Runs the ClickHouse engine of libchdb.so as a server: `LIBCHDB=/path/libchdb.so clickhouse --config-file F --query "SYSTEM START LISTEN HTTP; ..."`.
 * The arguments are those of `clickhouse local`. It dies with the process that started it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char *path = getenv("LIBCHDB");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
    if (!library) {
        fprintf(stderr, "clickhouse: cannot load the engine: %s\n", path ? dlerror() : "LIBCHDB is not set");
        return 2;
    }
    void *(*run)(int, char **) = (void *(*)(int, char **))dlsym(library, "chdb_query_cmdline");
    const char *(*error_of)(void *) = (const char *(*)(void *))dlsym(library, "chdb_result_error");
    if (!run || !error_of) {
        fprintf(stderr, "clickhouse: %s is not the engine that this launcher knows\n", path);
        return 2;
    }
    const char *error = error_of(run(argc, argv));
    if (error) fprintf(stderr, "clickhouse: %s\n", error);
    return error ? 1 : 0;
}
