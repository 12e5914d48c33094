// A disk that takes SLOW_DISK_MS for each read of a Parquet file, for LD_PRELOAD: as a network disk
// does, it makes whoever reads wait, and computes nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void wait_for_the_disk(int descriptor) {
  const char* ms = getenv("SLOW_DISK_MS");
  if (ms == NULL) return;
  char link[64], path[4096];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, sizeof(path) - 1);
  if (length < 8 || strncmp(path + length - 8, ".parquet", 8) != 0) return;
  const long ns = atol(ms) * 1000000L;
  const struct timespec pause = {ns / 1000000000L, ns % 1000000000L};
  nanosleep(&pause, NULL);
}

typedef ssize_t (*pread_fn)(int, void*, size_t, off64_t);

ssize_t pread64(int descriptor, void* bytes, size_t count, off64_t at) {
  static pread_fn next = NULL;
  if (next == NULL) next = (pread_fn)dlsym(RTLD_NEXT, "pread64");
  wait_for_the_disk(descriptor);
  return next(descriptor, bytes, count, at);
}

ssize_t pread(int descriptor, void* bytes, size_t count, off_t at) { return pread64(descriptor, bytes, count, at); }
