/* Threads: helpers take blocks as they are free; nobody waits for one that holds none. */

#if HAVE_THREADS
#define MAX_HELPERS 63
#define SPIN_NS 100000 /* so long a helper looks for the next block before it sleeps */

static struct {
    /* Number of the phase, its blocks, and the next of these, in one word: blocks that were taken
       belong to the phase that is under way, and that ends only once they are done. */
    _Alignas(128) _Atomic uint64_t ticket; /* what all threads write is on lines of its own */
    Task *task;
    const Job *job;
    _Alignas(128) _Atomic Py_ssize_t n_done;
    _Alignas(128) _Atomic Py_ssize_t n_helped; /* blocks not the caller's, since the beginning */
    pthread_mutex_t caller;       /* held by whose job it is; who does not get it works alone */
    pthread_mutex_t mutex;        /* for those asleep */
    pthread_cond_t wake;
    int n_helpers;
    atomic_int n_asleep, n_wanted;
} pool = {.caller = PTHREAD_MUTEX_INITIALIZER, .mutex = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER};

#define BLOCKS(ticket) ((Py_ssize_t)((ticket) >> 18 & 0x3ffff))
#define NEXT(ticket) ((Py_ssize_t)((ticket)&0x3ffff))
#define MAX_BLOCKS 0x3ffff
#define N_HELPED atomic_load(&pool.n_helped)

/* Take blocks and work them off: many at first and one at last, so that threads seldom meet here,
   and end together. Returned is how many. */
static Py_ssize_t take_blocks(void)
{
    uint64_t ticket = atomic_load(&pool.ticket);
    while (NEXT(ticket) < BLOCKS(ticket)) {
        Py_ssize_t n = parts(BLOCKS(ticket) - NEXT(ticket), 2 * (atomic_load(&pool.n_wanted) + 1));
        if (atomic_compare_exchange_weak(&pool.ticket, &ticket, ticket + n)) {
            for (Py_ssize_t i = 0; i < n; i++)
                pool.task(pool.job, NEXT(ticket) + i);
            atomic_fetch_add(&pool.n_done, n);
            return n;
        }
    }
    return 0;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void *help(void *number)
{
    int i = (int)(intptr_t)number;
    for (;;) {
        int64_t end = now() + SPIN_NS;
        while (now() < end)
            for (int tries = 0; tries < 16; tries++, relax()) {
                Py_ssize_t n = i < atomic_load(&pool.n_wanted) ? take_blocks() : 0;
                if (n) {
                    atomic_fetch_add(&pool.n_helped, n);
                    end = now() + SPIN_NS;
                }
            }
        pthread_mutex_lock(&pool.mutex);
        atomic_fetch_add(&pool.n_asleep, 1);
        uint64_t ticket = atomic_load(&pool.ticket);
        while (NEXT(ticket) >= BLOCKS(ticket) || i >= atomic_load(&pool.n_wanted)) {
            pthread_cond_wait(&pool.wake, &pool.mutex);
            ticket = atomic_load(&pool.ticket);
        }
        atomic_fetch_sub(&pool.n_asleep, 1);
        pthread_mutex_unlock(&pool.mutex);
    }
    return NULL;
}

static void after_fork(void) /* a child has none of its parent's threads */
{
    pthread_mutex_init(&pool.caller, NULL);
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.wake, NULL);
    pool.n_helpers = 0;
    atomic_store(&pool.n_asleep, 0);
    atomic_store(&pool.ticket, 0);
}

static void start_helpers(int n)
{
    atomic_store(&pool.n_wanted, n);
    for (; pool.n_helpers < n && pool.n_helpers < MAX_HELPERS; pool.n_helpers++) {
        pthread_t thread;
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are Python's */
        int failed = pthread_create(&thread, NULL, help, (void *)(intptr_t)pool.n_helpers);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (failed)
            return;
        pthread_detach(thread);
    }
}

#else
#define N_HELPED 0
#endif

/* Let the pool's threads help with what follows, if it is worth it, until `end`. */
static int begin(double products, int n_threads)
{
#if HAVE_THREADS
    if (n_threads > 1 && products > 100000 && !pthread_mutex_trylock(&pool.caller)) {
        start_helpers(n_threads - 1);
        return 1;
    }
#endif
    return 0;
}

static void end(int together)
{
#if HAVE_THREADS
    if (together)
        pthread_mutex_unlock(&pool.caller);
#endif
}

static void in_blocks(const Job *job, Task *task, Py_ssize_t n, int together)
{
    if (!together || n < 2 || n > MAX_BLOCKS) {
        for (Py_ssize_t i = 0; i < n; i++)
            task(job, i);
        return;
    }
#if HAVE_THREADS
    pool.task = task;
    pool.job = job;
    atomic_store(&pool.n_done, 0);
    uint64_t phase = (atomic_load(&pool.ticket) >> 36) + 1;
    atomic_store(&pool.ticket, phase << 36 | (uint64_t)n << 18);
    if (atomic_load(&pool.n_asleep)) {
        pthread_mutex_lock(&pool.mutex);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.mutex);
    }
    while (take_blocks())
        ;
    for (int spins = 0; atomic_load(&pool.n_done) < n; spins++)
        spins < 1000 ? relax() : (void)sched_yield();
#endif
}
