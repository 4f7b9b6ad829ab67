#pragma once
// The lock of the entry being applied: exclusive from begin() to commit(), shared by read().
//
// std::shared_mutex prefers readers in glibc, so a steady stream of them would starve the apply thread. This
// one lets a waiting writer in before new readers, and readers that wait in before the next writer.
//
// Threading: that is its job. Not recursive, in either direction.

#include <pthread.h>

namespace kontor::store {

class EntryLock {
 public:
    EntryLock();
    ~EntryLock();
    EntryLock(const EntryLock&) = delete;
    EntryLock& operator=(const EntryLock&) = delete;

    void lock();
    void unlock();
    void lock_shared();
    void unlock_shared();

 private:
    pthread_rwlock_t lock_;
};

}  // namespace kontor::store
