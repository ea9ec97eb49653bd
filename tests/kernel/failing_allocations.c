/* Memory functions that are found before those of the C library: the n-th call of the kernel fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
static _Atomic long n_left;
void fail_at(long n) { n_left = n; }
static int fails(void *caller)
{
    Dl_info of;
    return n_left > 0 && dladdr(caller, &of) && strstr(of.dli_fname, "_kernel") && !--n_left;
}
void *malloc(size_t n)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}
