// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions the agent asks: is an inode open for writing or mapped, and by whom. Nothing here runs
 * unless it is asked. */
#include "zw_actor.h"

char LICENSE[] SEC("license") = "GPL";

/* The inode the iterators look for; set by the agent before each run. */
__u64 zw_want_dev = 0;
__u64 zw_want_ino = 0;

/* Run with BPF_PROG_TEST_RUN in the agent's own context: the descriptor is the agent's. */
SEC("syscall")
int zw_inode_state(struct zw_inode_state *s)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **fds = BPF_CORE_READ(fdt, fd);
	struct file *file = NULL;
	struct inode *inode;

	s->result = -ZW_EBADF;
	if (s->fd >= BPF_CORE_READ(fdt, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), fds + s->fd);
	if (!file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	s->lower = zw_inode_is_lower(inode);
	inode = zw_real_inode(inode);
	s->dev = zw_inode_dev(inode);
	s->ino = BPF_CORE_READ(inode, i_ino);
	s->writers = BPF_CORE_READ(inode, i_writecount.counter);
	s->maps = BPF_CORE_READ(inode, i_mapping, i_mmap_writable.counter);
	s->generation = BPF_CORE_READ(inode, i_generation);
	s->version = zw_inode_version(inode);
	s->result = 0;
	return 0;
}

static __always_inline int holder(
	struct seq_file *seq, struct task_struct *task, struct file *file, __u8 hook, __u32 mapped)
{
	struct zw_wire_holder h = {};
	struct inode *inode = zw_real_inode(BPF_CORE_READ(file, f_inode));

	h.ino = BPF_CORE_READ(inode, i_ino);
	if (h.ino != zw_want_ino)
		return 0;
	h.dev = zw_inode_dev(inode);
	if (h.dev != zw_want_dev)
		return 0;
	zw_hdr_fill(&h.hdr, sizeof(h), ZW_WIRE_HOLDER, hook);
	h.tgid = BPF_CORE_READ(task, tgid);
	h.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	h.mapped = mapped;
	bpf_seq_write(seq, &h, sizeof(h));
	return 0;
}

SEC("iter/task_file")
int zw_iter_file(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct task_struct *task = ctx->task;

	if (!file || !task || !(file->f_mode & ZW_FMODE_WRITE))
		return 0;
	return holder(ctx->meta->seq, task, file, ZW_HOOK_ITER_FILE, 0);
}

SEC("iter/task_vma")
int zw_iter_vma(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct task_struct *task = ctx->task;
	struct file *file;

	if (!vma || !task)
		return 0;
	/* VM_MAYWRITE without VM_WRITE counts: mprotect(2) can make it writable again. */
	if ((vma->vm_flags & (ZW_VM_SHARED | ZW_VM_MAYWRITE)) != (ZW_VM_SHARED | ZW_VM_MAYWRITE))
		return 0;
	file = vma->vm_file;
	if (!file)
		return 0;
	return holder(ctx->meta->seq, task, file, ZW_HOOK_ITER_VMA, 1);
}
