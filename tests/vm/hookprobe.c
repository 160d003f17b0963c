// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Prints for each program of hookprobe.bpf.o whether this kernel loads it, attaches it, and calls
 * it while files are worked on: "NAME  load RC  attach RC  hits N". A hook may load and attach and
 * yet never be called (BPF LSM without "bpf" among the active modules), hence the third column.
 *
 * usage: hookprobe OBJECT DIR...
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static char self[PATH_MAX];
static char object_path[PATH_MAX]; /* absolute: the work changes directory */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (getenv("HOOKPROBE_VERBOSE") && level <= LIBBPF_INFO)
		return vfprintf(stderr, format, args);
	return 0;
}

/* Every step is worth trying whether or not the one before worked: results are read from hits. */
static void work_on_files(const char *dir)
{
	char text[] = "www 300 A 192.0.2.1\n";
	void *map;
	int fd, tmp;

	if (chdir(dir) < 0)
		return;
	fd = open("a", O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fd >= 0 && write(fd, text, sizeof(text)) > 0 && ftruncate(fd, 4096) == 0) {
		map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED) {
			memcpy(map, "mail", 4);
			mprotect(map, 4096, PROT_READ);
			munmap(map, 4096);
		}
		posix_fallocate(fd, 0, 65536);
		tmp = open("copy", O_RDWR | O_CREAT, 0644);
		copy_file_range(fd, &(loff_t){0}, tmp, &(loff_t){0}, 16, 0);
		close(tmp);
		fsync(fd);
	}
	close(fd);
	tmp = open(".", O_RDWR | O_TMPFILE, 0644);
	close(tmp);
	truncate("a", 5);
	rename("a", "b");
	link("b", "c");
	symlink("b", "d");
	mknod("e", S_IFIFO | 0600, 0);
	syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "copy", 2 /* RENAME_EXCHANGE */);
	chmod("b", 0600);
	mkdir("m", 0755);
	mkdir("n", 0755);
	if (mount("m", "n", NULL, MS_BIND, NULL) == 0)
		umount("n");
	for (const char **f = (const char *[]){"b", "c", "d", "e", "copy", NULL}; *f; f++)
		unlink(*f);
	rmdir("m");
	rmdir("n");
}

static void work(char **dirs)
{
	pid_t child;

	for (; *dirs; dirs++)
		work_on_files(*dirs);
	child = fork();
	if (child == 0) {
		execl(self, self, "--nothing", NULL);
		_exit(1);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* Iterators are called by reading them, BPF_PROG_TYPE_SYSCALL by running it. */
static void call_directly(struct bpf_program *prog, struct bpf_link *link)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char buffer[4096];
	int fd;

	if (bpf_program__type(prog) == BPF_PROG_TYPE_SYSCALL)
		bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (link && strncmp(bpf_program__section_name(prog), "iter/", 5) == 0) {
		fd = bpf_iter_create(bpf_link__fd(link));
		while (fd >= 0 && read(fd, buffer, sizeof(buffer)) > 0)
			;
		close(fd);
	}
}

static unsigned long long hits_of(struct bpf_object *object)
{
	struct bpf_map *bss = bpf_object__find_map_by_name(object, ".bss");
	unsigned long long hits = 0;
	__u32 key = 0;

	if (bss)
		bpf_map_lookup_elem(bpf_map__fd(bss), &key, &hits);
	return hits;
}

static struct bpf_link *attach(struct bpf_program *prog, int *ret_r)
{
	struct bpf_link *link = NULL;
	int cgroup;

	*ret_r = 0;
	switch (bpf_program__type(prog)) {
	case BPF_PROG_TYPE_SYSCALL:
	case BPF_PROG_TYPE_SCHED_CLS:
		return NULL;
	case BPF_PROG_TYPE_SOCK_OPS:
	case BPF_PROG_TYPE_CGROUP_SKB:
		cgroup = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
		link = bpf_program__attach_cgroup(prog, cgroup);
		*ret_r = link ? 0 : -errno;
		close(cgroup);
		return link;
	default:
		link = bpf_program__attach(prog);
		*ret_r = link ? 0 : -errno;
		return link;
	}
}

static void probe(const char *name, char **dirs)
{
	struct bpf_object *object = bpf_object__open_file(object_path, NULL);
	struct bpf_program *prog, *wanted = NULL;
	struct bpf_link *link = NULL;
	int load, attached = 0;

	if (!object)
		return;
	bpf_object__for_each_program(prog, object)
	{
		bool is_wanted = strcmp(bpf_program__name(prog), name) == 0;

		bpf_program__set_autoload(prog, is_wanted);
		if (is_wanted)
			wanted = prog;
	}
	load = bpf_object__load(object);
	if (load == 0) {
		link = attach(wanted, &attached);
		if (attached == 0)
			work(dirs);
		call_directly(wanted, link);
	}
	printf("%-45s load %4d  attach %4d  hits %llu\n", bpf_program__section_name(wanted), load,
		attached, load == 0 ? hits_of(object) : 0ULL);
	fflush(stdout);
	bpf_link__destroy(link);
	bpf_object__close(object);
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *prog;

	if (argc == 2 && strcmp(argv[1], "--nothing") == 0)
		return 0;
	if (argc < 3 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 ||
		!realpath(argv[1], object_path)) {
		fprintf(stderr, "usage: hookprobe OBJECT DIR...\n");
		return 2;
	}
	libbpf_set_print(quiet);
	object = bpf_object__open_file(object_path, NULL);
	if (!object) {
		fprintf(stderr, "hookprobe: cannot open \"%s\": %s\n", object_path,
			strerror(errno));
		return 1;
	}
	bpf_object__for_each_program(prog, object) probe(bpf_program__name(prog), argv + 2);
	bpf_object__close(object);
	return 0;
}
