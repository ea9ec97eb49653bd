/* Threads that share the blocks of a phase. They live as long as a call of `work`: so nothing is left
   for another call, nor for a forked child.

   Each thread has a share of the blocks, the same in each step, and takes of others' when it is
   through: with one share for all, two threads took 1.2 times as long, as blocks went from core to
   core. Nobody waits for a thread that holds no block, not even at the end: the last one to leave
   frees the team. The word of a phase has its number and how many blocks it has; that of a share the
   number of the phase in which somebody last took of it, and the next block. So a thread that is
   late, with the word of an earlier phase, finds nothing there. */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include "kernel.h"

#define NUMBER(word) ((word) >> 32)
#define BLOCKS(word) ((word) & UINT32_MAX)

typedef struct {
    _Alignas(128) _Atomic uint64_t phase;
    Job *job;
    size_t (*next)(Job *);
    size_t n_threads;
    _Alignas(128) atomic_size_t n_left; /* blocks of the phase */
    atomic_size_t n_begun, n_there;
    _Alignas(128) _Atomic uint64_t shares[][16]; /* the first of 16: on a cache line of its own */
} Team;

static void begin_phase(Team *team)
{
    uint64_t number = NUMBER(atomic_load(&team->phase)) + 1, n = team->next(team->job);
    atomic_store(&team->n_left, n);
    atomic_store(&team->phase, number << 32 | n);
}

/* Take the next block of a thread's share; -1 if there is none. */
static int64_t take(Team *team, uint64_t phase, size_t thread)
{
    uint64_t first = BLOCKS(phase) * thread / team->n_threads, at;
    uint64_t end = BLOCKS(phase) * (thread + 1) / team->n_threads;
    uint64_t seen = atomic_load(&team->shares[thread][0]);
    do {
        at = NUMBER(seen) == NUMBER(phase) ? BLOCKS(seen) : first;
        if (at == end || NUMBER(seen) > NUMBER(phase))
            return -1;
    } while (!atomic_compare_exchange_weak(&team->shares[thread][0], &seen,
                                           NUMBER(phase) << 32 | (at + 1)));
    return (int64_t)at;
}

/* Do blocks until the job is done, and leave. */
static void *take_part(void *of_team)
{
    Team *team = of_team;
    size_t self = atomic_fetch_add(&team->n_begun, 1);
    uint64_t phase;
    while (BLOCKS(phase = atomic_load(&team->phase))) {
        size_t n = 0;
        for (size_t i = 0; i < team->n_threads; i++)
            for (int64_t block; (block = take(team, phase, (self + i) % team->n_threads)) >= 0; n++)
                team->job->at.task(team->job, (size_t)block);
        if (n && atomic_fetch_sub(&team->n_left, n) == n)
            begin_phase(team);
        for (int tries = 0; atomic_load(&team->phase) == phase; tries++) {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
            if (tries > 1000)
                sched_yield();
        }
    }
    if (atomic_fetch_sub(&team->n_there, 1) == 1)
        free(team);
    return NULL;
}

void work(Job *job, size_t (*next)(Job *), size_t n_threads)
{
    void *memory = NULL;
    size_t size = sizeof(Team) + n_threads * 128;
    if (n_threads < 2 || posix_memalign(&memory, 128, size)) {
        for (size_t n; (n = next(job));)
            for (size_t i = 0; i < n; i++)
                job->at.task(job, i);
        return;
    }
    Team *team = memset(memory, 0, size);
    *team = (Team){.job = job, .next = next, .n_threads = n_threads, .n_there = n_threads};
    begin_phase(team);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are Python's */
    for (pthread_t thread; --n_threads && !pthread_create(&thread, NULL, take_part, team);)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    atomic_fetch_sub(&team->n_there, n_threads); /* for whom there was no room */
    take_part(team);
}
