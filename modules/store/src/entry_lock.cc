#include "entry_lock.h"

#include "kontor/base/assert.h"

namespace kontor::store {

EntryLock::EntryLock() {
    pthread_rwlockattr_t attributes;
    KONTOR_ASSERT(pthread_rwlockattr_init(&attributes) == 0, "rwlock attributes");
    // The plain PREFER_WRITER is ignored by glibc, since it would have to allow recursive readers.
    KONTOR_ASSERT(
        pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0,
        "rwlock kind");
    KONTOR_ASSERT(pthread_rwlock_init(&lock_, &attributes) == 0, "rwlock");
    pthread_rwlockattr_destroy(&attributes);
}

EntryLock::~EntryLock() {
    pthread_rwlock_destroy(&lock_);
}

void EntryLock::lock() {
    KONTOR_ASSERT(pthread_rwlock_wrlock(&lock_) == 0,
                  "begin() or freeze() inside an entry of the same thread");
}
void EntryLock::unlock() {
    KONTOR_ASSERT(pthread_rwlock_unlock(&lock_) == 0, "entry lock not held");
}
void EntryLock::lock_shared() {
    KONTOR_ASSERT(pthread_rwlock_rdlock(&lock_) == 0, "read() inside begin()..commit() of the same thread");
}
void EntryLock::unlock_shared() {
    KONTOR_ASSERT(pthread_rwlock_unlock(&lock_) == 0, "entry lock not held");
}

}  // namespace kontor::store
