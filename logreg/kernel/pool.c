/* A team of threads that shares the blocks of one task after the other.

   Each thread first does its own share of the blocks, the same in each task, whose data stay with its
   core (else two threads took 1.2 times as long). Nobody waits for a thread without a block: the last
   one to leave frees the team. The team's word has the numbers of the task and of its blocks; a share's
   word, the task of which a block was last taken, and the next block. So a late thread finds no block
   of an earlier task. */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include "kernel.h"

#define NUMBER(word) ((word) >> 32)
#define BLOCKS(word) ((word) & UINT32_MAX)

struct Team {
    _Alignas(128) _Atomic uint64_t word; /* 0 before the first task; without blocks after the last */
    Job *job;
    Task *task;
    size_t n_threads;
    _Alignas(128) atomic_size_t n_left; /* blocks of the task that are not done */
    atomic_size_t n_begun, n_there;
    _Alignas(128) _Atomic uint64_t shares[][16]; /* one word each, on cache lines of its own */
};

/* Take the next block of a thread's share; -1: there is none. */
static int64_t take_block(Team *team, uint64_t word, size_t thread)
{
    uint64_t first = BLOCKS(word) * thread / team->n_threads, next;
    uint64_t end = BLOCKS(word) * (thread + 1) / team->n_threads;
    uint64_t seen = atomic_load(&team->shares[thread][0]);
    do {
        next = NUMBER(seen) == NUMBER(word) ? BLOCKS(seen) : first;
        if (next == end || NUMBER(seen) > NUMBER(word))
            return -1;
    } while (!atomic_compare_exchange_weak(&team->shares[thread][0], &seen,
                                           NUMBER(word) << 32 | (next + 1)));
    return (int64_t)next;
}

static void do_blocks(Team *team, uint64_t word, size_t self)
{
    size_t n = 0;
    for (size_t i = 0; i < team->n_threads; i++) {
        size_t thread = (self + i) % team->n_threads;
        for (int64_t block; (block = take_block(team, word, thread)) >= 0; n++)
            team->task(team->job, (size_t)block);
    }
    atomic_fetch_sub(&team->n_left, n);
}

static void wait_a_moment(size_t tries)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
    if (tries > 1000)
        sched_yield();
}

static void leave(Team *team)
{
    if (atomic_fetch_sub(&team->n_there, 1) == 1)
        free(team);
}

/* What each gathered thread does. */
static void *take_part(void *argument)
{
    Team *team = argument;
    size_t self = atomic_fetch_add(&team->n_begun, 1);
    uint64_t seen = 0, word;
    do {
        for (size_t tries = 0; (word = atomic_load(&team->word)) == seen; tries++)
            wait_a_moment(tries);
        if (BLOCKS(word))
            do_blocks(team, word, self);
        seen = word;
    } while (BLOCKS(word));
    leave(team);
    return NULL;
}

Team *gather(Job *job, size_t n_threads)
{
    void *memory = NULL;
    size_t size = sizeof(Team) + n_threads * 128;
    if (n_threads < 2 || posix_memalign(&memory, 128, size))
        return NULL;
    Team *team = memset(memory, 0, size);
    *team = (Team){.job = job, .n_threads = n_threads, .n_begun = 1, .n_there = n_threads};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are Python's */
    for (pthread_t thread; --n_threads && !pthread_create(&thread, NULL, take_part, team);)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    atomic_fetch_sub(&team->n_there, n_threads); /* threads that could not be made */
    return team;
}

void share(Team *team, Job *job, Task *task, size_t n_blocks)
{
    if (!team) {
        for (size_t i = 0; i < n_blocks; i++)
            task(job, i);
        return;
    }
    uint64_t word = (NUMBER(atomic_load(&team->word)) + 1) << 32 | n_blocks;
    team->task = task;
    atomic_store(&team->n_left, n_blocks);
    atomic_store(&team->word, word);
    do_blocks(team, word, 0);
    for (size_t tries = 0; atomic_load(&team->n_left); tries++)
        wait_a_moment(tries);
}

void dismiss(Team *team)
{
    if (!team)
        return;
    atomic_store(&team->word, (NUMBER(atomic_load(&team->word)) + 1) << 32);
    leave(team);
}
