/* LD_PRELOAD: a wall clock that is off by as many milliseconds as the file $TEST_CLOCK_FILE says (eight
   bytes, read anew each time). Linux has no namespace for CLOCK_REALTIME. Monotonic time is not touched. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t* offset_ms;

__attribute__((constructor)) static void open_file(void) {
    const char* path = getenv("TEST_CLOCK_FILE");
    const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    void* page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED) offset_ms = page;
    close(fd);
}

int clock_gettime(clockid_t id, struct timespec* out) {
    const long failed = syscall(SYS_clock_gettime, id, out);
    if (failed == 0 && offset_ms != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        const int64_t ns = out->tv_nsec + (*offset_ms % 1000) * 1000000;
        out->tv_sec += *offset_ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
        out->tv_nsec = (ns + 1000000000) % 1000000000;
    }
    return (int)failed;
}

int gettimeofday(struct timeval* out, void* zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t* out) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    if (out != NULL) *out = now.tv_sec;
    return now.tv_sec;
}
