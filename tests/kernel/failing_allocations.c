/* Functions of memory and threads that are found before those of the C library. The n-th call of the
   kernel fails, and what it has taken and not given back is counted. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), __libc_free(void *);
extern void *__libc_memalign(size_t, size_t);
static _Atomic long n_left;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *of_kernel[1 << 10]; /* what it has taken and not given back, and NULL between */
static _Atomic long n_mapped;    /* bytes of it that are maps */

void fail_at(long n)
{
    n_left = n;
}

/* Put `new` where `old` is. */
static int replace(void *old, void *new)
{
    int is_there = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < sizeof of_kernel / sizeof *of_kernel && !is_there; i++)
        if (of_kernel[i] == old) {
            of_kernel[i] = new;
            is_there = 1;
        }
    pthread_mutex_unlock(&lock);
    return is_there;
}

long taken(void)
{
    long n = n_mapped != 0;
    for (size_t i = 0; i < sizeof of_kernel / sizeof *of_kernel; i++)
        n += of_kernel[i] != NULL;
    return n;
}

static int is_kernel(void *caller)
{
    Dl_info found;
    return dladdr(caller, &found) && strstr(found.dli_fname, "_kernel");
}

static int fails(void *caller)
{
    return n_left > 0 && is_kernel(caller) && !--n_left;
}

static void *note(void *memory, void *caller)
{
    if (memory && is_kernel(caller))
        replace(NULL, memory);
    return memory;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t n)
{
    return fails(CALLER) ? NULL : note(__libc_malloc(n), CALLER);
}

void *calloc(size_t n, size_t size)
{
    return fails(CALLER) ? NULL : note(__libc_calloc(n, size), CALLER);
}

int posix_memalign(void **memory, size_t alignment, size_t n)
{
    if (fails(CALLER))
        return 12;
    *memory = note(__libc_memalign(alignment, n), CALLER);
    return 0;
}

void *mmap(void *at, size_t n, int protection, int flags, int file, off_t offset)
{
    if (fails(CALLER))
        return MAP_FAILED;
    n_mapped += is_kernel(CALLER) ? (long)n : 0;
    return note((void *)syscall(SYS_mmap, at, n, protection, flags, file, offset), CALLER);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*begin)(void *), void *given)
{
    if (fails(CALLER))
        return EAGAIN;
    __typeof__(&pthread_create) create = dlsym(RTLD_NEXT, "pthread_create");
    return create(thread, how, begin, given);
}

int munmap(void *at, size_t n)
{
    replace(at, NULL);
    n_mapped -= is_kernel(CALLER) ? (long)n : 0;
    return (int)syscall(SYS_munmap, at, n);
}

void free(void *memory)
{
    if (memory)
        replace(memory, NULL);
    __libc_free(memory);
}
