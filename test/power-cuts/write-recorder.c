/*
 * Preloaded library (LD_PRELOAD) that records what a process does to one SQLite database: writes, truncations, syncs,
 * creation and removal of the file $FOREMAN_RECORD_DB, its -wal and its -journal. Appends to $FOREMAN_RECORD_LOG in the order in which
 * the calls took effect. The -shm is not recorded: SQLite rebuilds it after a power cut. Linux, glibc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum operation { WRITE = 1, SYNC = 2, TRUNCATE = 3, CREATE = 4, UNLINK = 5 };
enum file { NONE = 0, DATABASE = 1, WAL = 2, JOURNAL = 3 };

/* The reader is write-log.ts. */
struct record {
  uint8_t operation;
  uint8_t file;
  uint8_t unused[6];
  uint64_t offset;
  uint64_t length;
  uint64_t wall_ms;
};

#define MAX_FD 65536
static uint8_t files[MAX_FD];
static int log_fd = -1;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static enum file file_of_path(const char *path) {
  static const char *database;
  static size_t length;
  if (database == NULL) {
    database = getenv("FOREMAN_RECORD_DB");
    if (database == NULL) database = "";
    length = strlen(database);
  }
  if (length == 0 || path == NULL || strncmp(path, database, length) != 0) return NONE;
  if (path[length] == '\0') return DATABASE;
  if (strcmp(path + length, "-wal") == 0) return WAL;
  return strcmp(path + length, "-journal") == 0 ? JOURNAL : NONE;
}

static enum file file_of(int fd) { return fd >= 0 && fd < MAX_FD ? files[fd] : NONE; }

/* The caller holds `order`. A record that cannot be written ends the process: a log with a gap proves nothing. */
static void append(enum operation operation, enum file file, uint64_t offset, uint64_t length, const void *data) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct record record = {.operation = operation, .file = file, .offset = offset, .length = length};
  record.wall_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
  if (log_fd < 0) {
    const char *path = getenv("FOREMAN_RECORD_LOG");
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  struct iovec parts[2] = {{&record, sizeof record}, {(void *)data, data == NULL ? 0 : length}};
  size_t total = parts[0].iov_len + parts[1].iov_len;
  if (syscall(SYS_writev, log_fd, parts, 2) != (ssize_t)total) abort();
}

#define LOCKED(call)                \
  pthread_mutex_lock(&order);       \
  call;                             \
  int saved_errno = errno;

#define UNLOCKED                    \
  pthread_mutex_unlock(&order);     \
  errno = saved_errno;

static int opened(int fd, const char *path, int existed) {
  if (fd < 0 || fd >= MAX_FD) return fd;
  enum file file = file_of_path(path);
  files[fd] = file;
  if (file == NONE || existed) return fd;
  LOCKED(append(CREATE, file, 0, 0, NULL))
  UNLOCKED
  return fd;
}

static int exists(const char *path) { return file_of_path(path) == NONE || syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0; }

#define MODE                        \
  mode_t mode = 0;                  \
  if (flags & (O_CREAT | O_TMPFILE)) { \
    va_list arguments;              \
    va_start(arguments, flags);     \
    mode = va_arg(arguments, mode_t); \
    va_end(arguments);              \
  }

int open(const char *path, int flags, ...) {
  MODE
  int existed = exists(path);
  return opened(REAL(open)(path, flags, mode), path, existed);
}

int open64(const char *path, int flags, ...) {
  MODE
  int existed = exists(path);
  return opened(REAL(open64)(path, flags, mode), path, existed);
}

int openat(int folder, const char *path, int flags, ...) {
  MODE
  int existed = exists(path);
  return opened(REAL(openat)(folder, path, flags, mode), path, existed);
}

int openat64(int folder, const char *path, int flags, ...) {
  MODE
  int existed = exists(path);
  return opened(REAL(openat64)(folder, path, flags, mode), path, existed);
}

int close(int fd) {
  if (fd >= 0 && fd < MAX_FD) files[fd] = NONE;
  return REAL(close)(fd);
}

static ssize_t written(enum file file, ssize_t count, const void *data, off64_t offset) {
  if (count > 0) append(WRITE, file, (uint64_t)offset, (uint64_t)count, data);
  return count;
}

ssize_t write(int fd, const void *data, size_t length) {
  enum file file = file_of(fd);
  if (file == NONE) return REAL(write)(fd, data, length);
  off64_t offset = lseek64(fd, 0, SEEK_CUR);
  ssize_t count;
  LOCKED(count = written(file, REAL(write)(fd, data, length), data, offset))
  UNLOCKED
  return count;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  enum file file = file_of(fd);
  if (file == NONE) return REAL(pwrite64)(fd, data, length, offset);
  ssize_t count;
  LOCKED(count = written(file, REAL(pwrite64)(fd, data, length, offset), data, offset))
  UNLOCKED
  return count;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }

static int truncated(enum file file, int result, off64_t length) {
  if (result == 0) append(TRUNCATE, file, (uint64_t)length, 0, NULL);
  return result;
}

int ftruncate64(int fd, off64_t length) {
  enum file file = file_of(fd);
  if (file == NONE) return REAL(ftruncate64)(fd, length);
  int result;
  LOCKED(result = truncated(file, REAL(ftruncate64)(fd, length), length))
  UNLOCKED
  return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int synced(enum file file, int result) {
  if (result == 0) append(SYNC, file, 0, 0, NULL);
  return result;
}

int fsync(int fd) {
  enum file file = file_of(fd);
  if (file == NONE) return REAL(fsync)(fd);
  int result;
  LOCKED(result = synced(file, REAL(fsync)(fd)))
  UNLOCKED
  return result;
}

int fdatasync(int fd) {
  enum file file = file_of(fd);
  if (file == NONE) return REAL(fdatasync)(fd);
  int result;
  LOCKED(result = synced(file, REAL(fdatasync)(fd)))
  UNLOCKED
  return result;
}

int unlink(const char *path) {
  enum file file = file_of_path(path);
  if (file == NONE) return REAL(unlink)(path);
  int result;
  LOCKED(result = REAL(unlink)(path); if (result == 0) append(UNLINK, file, 0, 0, NULL))
  UNLOCKED
  return result;
}

/* A rename of these files is not modelled: the log would prove nothing. */
int rename(const char *from, const char *to) {
  if (file_of_path(from) != NONE || file_of_path(to) != NONE) abort();
  return REAL(rename)(from, to);
}
