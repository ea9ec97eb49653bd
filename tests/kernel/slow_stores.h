/* Each store of an atomic number takes a moment, in which other threads go on: an order of two stores
   that is wrong is seen for sure. Included before the kernel's own files. */
#pragma once
#include <stdatomic.h>

extern int usleep(unsigned int);
#undef atomic_store
#define atomic_store(pointer, value) \
    (atomic_store_explicit(pointer, value, memory_order_seq_cst), (void)usleep(500))
