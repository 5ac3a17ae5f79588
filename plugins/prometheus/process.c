#include "plugins/prometheus/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static unsigned open_files(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count > 0 ? count - 1 : 0; /* its own */
}

/* Octets, as /proc/self/statm tells them in pages: all of it, and what lies in memory. */
static void memory(double *virtual_bytes, double *resident)
{
    unsigned long pages[2] = {0};
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%lu %lu", &pages[0], &pages[1]) != 2)
        pages[0] = pages[1] = 0;
    if (file != NULL)
        fclose(file);
    *virtual_bytes = (double)pages[0] * (double)sysconf(_SC_PAGESIZE);
    *resident = (double)pages[1] * (double)sysconf(_SC_PAGESIZE);
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void process_tell(struct metrics *out)
{
    static const struct metric cpu = {"process_cpu_seconds_total", METRIC_COUNTER,
                                   "Total user and system CPU time spent in seconds."},
                               open = {"process_open_fds", METRIC_GAUGE, "Number of open file descriptors."},
                               most = {"process_max_fds", METRIC_GAUGE,
                                   "Maximum number of open file descriptors."},
                               whole = {"process_virtual_memory_bytes", METRIC_GAUGE,
                                   "Virtual memory size in bytes."},
                               resident = {"process_resident_memory_bytes", METRIC_GAUGE,
                                   "Resident memory size in bytes."};
    struct rusage usage;
    struct rlimit limit;
    double virtual_bytes, resident_bytes;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        metrics_add(out, &cpu, seconds(usage.ru_utime) + seconds(usage.ru_stime), METRIC_NO_LABELS);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metrics_add(out, &most, (double)limit.rlim_cur, METRIC_NO_LABELS);
    memory(&virtual_bytes, &resident_bytes);
    metrics_add(out, &open, (double)open_files(), METRIC_NO_LABELS);
    metrics_add(out, &whole, virtual_bytes, METRIC_NO_LABELS);
    metrics_add(out, &resident, resident_bytes, METRIC_NO_LABELS);
}
