// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the KUnit suites of per-device coherent memory share
 *
 * The address, the attachments and the pool that a test looks at are taken from
 * the private structures, and so are the counters.
 */

#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/mman.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "dma-coherent-fixture.h"
#include "dma-coherent-pool-fault.h"

/* Banks */

/**
 * fx_bank_at - find an address in a bank
 * @bank: the bank
 * @base: a physical address
 *
 * Return: where that is in memory; NULL outside of the bank.
 */
void *fx_bank_at(const struct bank *bank, phys_addr_t base)
{
	return base >= bank->base && base - bank->base < bank->size ?
	       bank->mem + (base - bank->base) : NULL;
}

/**
 * fx_map_bank - the stub of the mapping
 * @base: a physical address
 * @size: not looked at
 * @why: why there is no mapping
 *
 * Return: where the address is in one of the fixture's banks; NULL where it is in
 *	none, or where the test wants that.
 */
void *fx_map_bank(phys_addr_t base, size_t size, const char **why)
{
	struct kunit *test = kunit_get_current_test();
	struct fixture *fx = test->priv;
	void *mem = fx->permanent_bank ? fx_bank_at(fx->permanent_bank, base) : NULL;
	void (*meanwhile)(struct kunit *test) = fx->while_mapping;
	unsigned int i;

	fx->maps++;
	fx->while_mapping = NULL;
	if (meanwhile)
		meanwhile(test);
	for (i = 0; i < fx->banks && !mem; i++)
		mem = fx_bank_at(&fx->bank[i], base);
	*why = "has no mapping";
	return fx->map_fails ? NULL : mem;
}

void fx_stub_mapping(struct kunit *test)
{
	kunit_activate_static_stub(test, dma_coherent_map, fx_map_bank);
}

/* The true mapping, where fixture_init() stubs it. */
void fx_use_true_mapping(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_UML))
		kunit_deactivate_static_stub(test, dma_coherent_map);
}

static void free_bank(void *arg)
{
	struct bank *bank = arg;

	free_pages_exact(bank->mem - bank->before, bank->before + bank->size);
}

/**
 * fx_add_bank_behind - add a bank whose address is aligned badly
 * @test: the test
 * @before: how many pages it begins behind an aligned address
 * @pages: length
 *
 * Return: the bank, at its true address.
 */
struct bank *fx_add_bank_behind(struct kunit *test, unsigned long before, unsigned long pages)
{
	struct fixture *fx = test->priv;
	struct bank *bank = &fx->bank[fx->banks];

	KUNIT_ASSERT_LT(test, fx->banks, MAX_BANKS);
	bank->before = before * PAGE_SIZE;
	bank->size = pages * PAGE_SIZE;
	bank->mem = alloc_pages_exact(bank->before + bank->size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bank->mem);
	bank->mem += bank->before;
	memset(bank->mem, DIRT, bank->size);
	bank->base = virt_to_phys(bank->mem);
	snprintf(bank->name, sizeof(bank->name), "bank%u", fx->banks++);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_bank, bank), 0);
	return bank;
}

struct bank *fx_add_bank(struct kunit *test, unsigned long pages)
{
	return fx_add_bank_behind(test, 0, pages);
}

/**
 * fx_add_bank_at - add a bank that pretends to be elsewhere, and stub the mapping
 * @test: the test
 * @pages: length
 * @base: the physical address that it pretends to have
 *
 * Return: the bank.
 */
struct bank *fx_add_bank_at(struct kunit *test, unsigned long pages, phys_addr_t base)
{
	struct bank *bank = fx_add_bank(test, pages);

	bank->base = base;
	fx_stub_mapping(test);
	return bank;
}

/* What a device has */

struct dma_coherent_mem *fx_mem(struct device *dev, unsigned int n)
{
	struct dma_coherent_mem *mem = rcu_dereference_raw(dev->dma_mem);

	while (mem && n--)
		mem = rcu_dereference_raw(mem->next);
	return mem;
}

struct dma_coherent_region *fx_nth_region(struct device *dev, unsigned int n)
{
	return fx_mem(dev, n)->region;
}

struct dma_coherent_region *fx_region(struct device *dev)
{
	return fx_nth_region(dev, 0);
}

unsigned long fx_used(struct device *dev)
{
	return fx_region(dev)->pool.used_pages;
}

unsigned long fx_failures(struct device *dev, enum dma_coherent_failure cause)
{
	return fx_region(dev)->stats.failures[cause];
}

unsigned long fx_frees(struct device *dev, enum dma_coherent_verdict verdict)
{
	return fx_region(dev)->stats.frees[verdict];
}

unsigned long fx_page(struct device *dev, const void *vaddr)
{
	return PFN_DOWN(vaddr - fx_region(dev)->vaddr);
}

bool fx_run_at(struct dma_coherent_region *region, unsigned long page,
	       struct dma_coherent_run *run)
{
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&region->lock, flags);
	found = dma_coherent_pool_run(&region->pool, page, run);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return found;
}

/**
 * fx_region_fault - validate a region's pool, where the kernel can
 * @region: the region
 *
 * Return: NULL, or what is wrong.
 */
const char *fx_region_fault(struct dma_coherent_region *region)
{
	const char *fault = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->lock, flags);
	if (IS_ENABLED(CONFIG_DMA_COHERENT_POOL_KUNIT_TEST))
		fault = dma_coherent_pool_fault(&region->pool);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return fault;
}

/* The device's pool is valid and has that many pages in use. */
void fx_expect_pool(struct kunit *test, struct device *dev, unsigned long used_pages)
{
	KUNIT_EXPECT_NULL(test, fx_region_fault(fx_region(dev)));
	KUNIT_EXPECT_EQ(test, fx_used(dev), used_pages);
}

/* Attach, allocate and free */

int fx_declare(struct device *dev, const struct bank *bank)
{
	return dma_declare_coherent_memory(dev, bank->base, HANDLE, bank->size);
}

int fx_declare_at(struct device *dev, const struct bank *bank, dma_addr_t handle,
		  unsigned int flags)
{
	return dma_declare_coherent_memory_flags(dev, bank->base, handle, bank->size, flags);
}

/* A bank as firmware describes it. */
struct dma_coherent_spec fx_spec(const struct bank *bank)
{
	return (struct dma_coherent_spec) {
		.name = bank->name,
		.base = bank->base,
		.size = bank->size,
		.source = DMA_COHERENT_FIRMWARE,
	};
}

int fx_attach(struct device *dev, const struct bank *bank)
{
	const struct dma_coherent_spec spec = fx_spec(bank);

	return dma_coherent_attach(dev, &spec);
}

void fx_detach(struct device *dev, enum dma_coherent_source source, const struct bank *bank)
{
	dma_coherent_detach(dev, source, bank->base, bank->size);
}

void *fx_alloc(struct kunit *test, struct device *dev, unsigned long pages)
{
	dma_addr_t handle = DMA_MAPPING_ERROR;
	void *vaddr = NULL;

	KUNIT_ASSERT_NE_MSG(test, dma_alloc_from_coherent(dev, pages * PAGE_SIZE, &handle, &vaddr),
			    0, "%lu pages", pages);
	KUNIT_ASSERT_NOT_NULL_MSG(test, vaddr, "%lu pages", pages);
	KUNIT_EXPECT_NE(test, handle, DMA_MAPPING_ERROR);
	return vaddr;
}

/**
 * fx_alloc_fails - make a request that the device's pools have to refuse
 * @dev: the device
 * @size: bytes
 *
 * Return: it was refused, and its outputs say so.
 */
bool fx_alloc_fails(struct device *dev, ssize_t size)
{
	dma_addr_t handle = 0;
	void *vaddr = &handle;

	return dma_alloc_from_coherent(dev, size, &handle, &vaddr) && !vaddr &&
	       handle == DMA_MAPPING_ERROR;
}

/**
 * fx_alloc_ignored - make a request that is the generic allocator's
 * @dev: the device
 * @size: bytes
 *
 * Return: no pool answered, and the outputs are untouched.
 */
bool fx_alloc_ignored(struct device *dev, ssize_t size)
{
	dma_addr_t handle = 1234;
	void *vaddr = &handle;

	return !dma_alloc_from_coherent(dev, size, &handle, &vaddr) &&
	       vaddr == &handle && handle == 1234;
}

int fx_free(struct device *dev, unsigned long pages, void *vaddr)
{
	return dma_release_from_coherent(dev, order_base_2(pages), vaddr);
}

/**
 * fx_drain - free all that a device's pools have in use
 * @dev: the device
 *
 * Otherwise a device that dies would leave pages in use, and these their region.
 */
void fx_drain(struct device *dev)
{
	struct dma_coherent_mem *mem;
	struct dma_coherent_run run;
	unsigned long page;

	rcu_read_lock();
	for (mem = rcu_dereference_raw(dev->dma_mem); mem; mem = rcu_dereference_raw(mem->next))
		for (page = 0; fx_run_at(mem->region, page, &run); page = run.first + run.pages)
			if (run.used)
				fx_free(dev, run.pages, mem->region->vaddr + PFN_PHYS(run.first));
	rcu_read_unlock();
}

/* Large pools */

#ifdef CONFIG_64BIT

/**
 * fx_fill_5g - declare 8 GiB at 8 GiB, and have the first 5 GiB in use
 * @test: the test
 * @mem: where the pool seems to be in memory
 * @pages: how many more are in use behind the 5 GiB
 */
void fx_fill_5g(struct kunit *test, void *mem, unsigned long pages)
{
	struct fixture *fx = test->priv;
	struct bank *bank = &fx->bank[fx->banks++];
	struct dma_coherent_region *region;
	unsigned long flags;

	if (is_vmalloc_addr(mem))
		kunit_skip(test, "what lies in front of RAM here, would be unmapped");
	bank->mem = mem;
	bank->size = 2UL * SZ_4G;
	bank->base = 2UL * SZ_4G;
	fx_stub_mapping(test);
	fx->dev->coherent_dma_mask = DMA_BIT_MASK(64);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, bank), 0);
	region = fx_region(fx->dev);
	KUNIT_ASSERT_PTR_EQ(test, region->vaddr, mem);
	raw_spin_lock_irqsave(&region->lock, flags);
	dma_coherent_pool_alloc(&region->pool, BEHIND_5G, ULONG_MAX);
	region->stats.allocs++;
	dma_coherent_pool_alloc(&region->pool, pages, ULONG_MAX);
	region->stats.allocs++;
	raw_spin_unlock_irqrestore(&region->lock, flags);
	KUNIT_ASSERT_EQ(test, fx_used(fx->dev), BEHIND_5G + pages);
}

#endif /* CONFIG_64BIT */

/* Mappings of user space, by a file like a driver's */

static int view_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct view *view = file->private_data;
	int ret = -ENODEV;

	vma->vm_pgoff = view->pgoff;
	if (view->mmap)
		view->mmap(view->dev, vma, view->vaddr, view->size, &ret);
	else if (view->dev)
		ret = dma_mmap_coherent(view->dev, vma, view->vaddr, 0, view->size);
	else
		dma_mmap_from_global_coherent(vma, view->vaddr, view->size, &ret);
	if (view->prot)
		*view->prot = vma->vm_page_prot;
	return ret;
}

static const struct file_operations view_fops = {
	.owner = THIS_MODULE,
	.mmap = view_mmap,
};

KUNIT_DEFINE_ACTION_WRAPPER(put_file, fput, struct file *);

struct file *fx_open(struct kunit *test, struct view *view)
{
	struct file *file;

	file = anon_inode_getfile("dma-coherent-kunit", &view_fops, view, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_file, file), 0);
	return file;
}

/**
 * fx_mmap - map to user space
 * @test: the test, which needs no fixture for it
 * @view: what
 * @pages: length of the mapping
 *
 * Return: the user address, or an errno as IS_ERR_VALUE() has it.
 */
unsigned long fx_mmap(struct kunit *test, const struct view *view, unsigned long pages)
{
	struct view *copy = kunit_kzalloc(test, sizeof(*view), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	*copy = *view;
	return kunit_vm_mmap(test, fx_open(test, copy), 0, pages * PAGE_SIZE,
			     PROT_READ | PROT_WRITE, MAP_SHARED, 0);
}

void fx_expect_user_word(struct kunit *test, unsigned long addr, u32 word)
{
	u32 got = ~word;

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, get_user(got, (u32 __user *)addr), 0);
	KUNIT_EXPECT_EQ(test, got, word);
}

void fx_write_user_word(struct kunit *test, unsigned long addr, u32 word)
{
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, put_user(word, (u32 __user *)addr), 0);
}

/* The kernel's log */

#define LOG_PREFIX	"dma-coherent: "

/* Skip what is in the log now. */
void fx_log_start(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (!IS_ENABLED(CONFIG_PRINTK))
		kunit_skip(test, "needs CONFIG_PRINTK");
	kmsg_dump_rewind(&fx->log);
	fx->log.cur_seq = fx->log.next_seq;
}

/**
 * fx_log_next - read on in the log
 * @test: the test
 *
 * Return: the next message of ours without its prefix, until the next call; ""
 *	where there is none.
 */
const char *fx_log_next(struct kunit *test)
{
	static char line[512];
	struct fixture *fx = test->priv;
	char *ours;
	size_t len;

	while (kmsg_dump_get_line(&fx->log, false, line, sizeof(line) - 1, &len)) {
		line[len] = '\0';
		ours = strstr(line, LOG_PREFIX);
		if (ours)
			return strim(ours + strlen(LOG_PREFIX));
	}
	return "";
}

/**
 * fx_log_count - read the rest of the log
 * @test: the test
 * @part: what to look for
 *
 * Return: how many messages of ours have that in them.
 */
unsigned int fx_log_count(struct kunit *test, const char *part)
{
	unsigned int count = 0;
	const char *message;

	while (*(message = fx_log_next(test)))
		count += !!strstr(message, part);
	return count;
}

/* The next message must be this one, and "" if there is none. */
void fx_expect_message(struct kunit *test, const char *format, ...)
{
	static char want[512];
	va_list args;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format, args);
	va_end(args);
	KUNIT_EXPECT_STREQ(test, fx_log_next(test), want);
}

void fx_expect_no_message(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, fx_log_next(test), "");
}

/* The variable behind a file of debugfs; there is no other way to it. */
static void *debugfs_variable(const char *directory, const char *name)
{
	struct dentry *dir = debugfs_lookup(directory, NULL), *file;
	void *variable = NULL;

	if (IS_ERR_OR_NULL(dir))
		return NULL;
	file = debugfs_lookup(name, dir);
	if (!IS_ERR_OR_NULL(file)) {
		variable = d_inode(file)->i_private;
		dput(file);
	}
	dput(dir);
	return variable;
}

/* Allocations that fail */

#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)

/* Return: true where allocations can be made to fail. */
bool fx_failslab_set_up(void)
{
	bool *spares_kernel = debugfs_variable("failslab", "ignore-gfp-wait");
	unsigned long *verbose = debugfs_variable("failslab", "verbose");

	if (spares_kernel)
		*spares_kernel = false;
	if (verbose)
		*verbose = 0;
	return spares_kernel;
}

/* Have this thread's @nth allocation fail from now on; 0 for none. */
void fx_failslab_arm(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/* Return: true if there were so many that one of them failed. */
bool fx_failslab_disarm(void)
{
	unsigned int left = READ_ONCE(current->fail_nth);

	fx_failslab_arm(0);
	return !left;
}

#else

bool fx_failslab_set_up(void)
{
	return false;
}

void fx_failslab_arm(unsigned int nth)
{
}

bool fx_failslab_disarm(void)
{
	return false;
}

#endif

void fx_need_failslab(struct kunit *test)
{
	if (!fx_failslab_set_up())
		kunit_skip(test, "needs CONFIG_FAILSLAB and its debugfs files");
}

/* The bank can be declared, mapped anew, used as a whole and released. */
static void expect_nothing_left(struct kunit *test, unsigned int nth)
{
	struct fixture *fx = test->priv;

	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	fx->maps = 0;
	KUNIT_ASSERT_EQ_MSG(test, fx_declare(fx->dev, &fx->bank[0]), 0, "allocation %u", nth);
	KUNIT_EXPECT_EQ_MSG(test, fx->maps, 1, "allocation %u", nth);
	fx_free(fx->dev, POOL_PAGES, fx_alloc(test, fx->dev, POOL_PAGES));
	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
}

/**
 * fx_fail_each_allocation - have each allocation of a function fail once
 * @test: the test
 * @declare_it: the function, which declares the bank for the device
 * @allocations: how many of its allocations it can't do without; owners and debugfs
 *	it can
 *
 * What fails is reported in one message, and leaves nothing.
 */
void fx_fail_each_allocation(struct kunit *test,
			     int (*declare_it)(struct device *dev, const struct bank *bank),
			     unsigned int allocations)
{
	unsigned int nth, failed = 0;
	struct fixture *fx = test->priv;
	bool injected = true;
	int err;

	fx_need_failslab(test);
	fx_stub_mapping(test);
	for (nth = 1; injected; nth++) {
		fx_log_start(test);
		fx_failslab_arm(nth);
		err = declare_it(fx->dev, &fx->bank[0]);
		injected = fx_failslab_disarm();
		KUNIT_EXPECT_TRUE_MSG(test, !err || (injected && err == -ENOMEM),
				      "allocation %u: %d", nth, err);
		failed += !!err;
		KUNIT_EXPECT_EQ_MSG(test, !fx->dev->dma_mem, !!err, "allocation %u", nth);
		KUNIT_EXPECT_EQ_MSG(test, fx_log_count(test, dev_name(fx->dev)), !!err,
				    "allocation %u", nth);
		if (!err)
			fx_free(fx->dev, 1, fx_alloc(test, fx->dev, 1));
		expect_nothing_left(test, nth);
	}
	KUNIT_EXPECT_GE(test, failed, allocations);
}

/* The debugging of the DMA API */

static u32 *api_number(const char *name)
{
	return debugfs_variable("dma-api", name);
}

static u32 api_errors(void)
{
	u32 *errors = api_number("error_count");

	return errors ? READ_ONCE(*errors) : 0;
}

void fx_need_api_debug(struct kunit *test)
{
	if (!api_number("error_count"))
		kunit_skip(test, "needs CONFIG_DMA_API_DEBUG and its debugfs files");
}

/* The test does something wrong on purpose: @errors are to be counted, not printed. */
void fx_expect_api_errors(struct kunit *test, u32 errors)
{
	u32 *printed = api_number("num_errors");
	struct fixture *fx = test->priv;

	if (!printed)
		return;
	WRITE_ONCE(*printed, 0);
	fx->api_errors += errors;
}

/* As many errors were counted as the test expects by now. */
void fx_check_api_errors(struct kunit *test)
{
	u32 *printed = api_number("num_errors");
	struct fixture *fx = test->priv;

	KUNIT_EXPECT_EQ(test, api_errors(), fx->api_errors);
	if (printed)
		WRITE_ONCE(*printed, 1);
}

/* Init and exit */

/* What is left behind would be there for whoever gets the bank's pages next. */
static void expect_no_bank(struct dma_coherent_region *region)
{
	struct kunit *test = kunit_get_current_test();
	struct fixture *fx = test->priv;
	unsigned int i;

	for (i = 0; i < fx->banks; i++)
		KUNIT_EXPECT_NULL_MSG(test, fx_bank_at(&fx->bank[i], region->base),
				      "region %s is left", region->name);
}

static void release_device(struct device *dev)
{
	if (IS_ERR_OR_NULL(dev))
		return;
	fx_drain(dev);
	dma_coherent_device_release(dev);
}

/**
 * fixture_exit - take all back from the devices
 * @test: the test
 */
void fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (!fx)
		return;
	fx_check_api_errors(test);
	release_device(fx->dev);
	release_device(fx->other);
	dma_coherent_reap();
	dma_coherent_each_region(expect_no_bank);
}

/**
 * fixture_init - make two devices and a bank
 * @test: the test, whose priv is the fixture from then on
 *
 * Return: 0 or an errno.
 */
int fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	if (!fx)
		return -ENOMEM;
	test->priv = fx;
	fx->api_errors = api_errors();
	fx->dev = kunit_device_register(test, "dev");
	if (IS_ERR(fx->dev))
		return PTR_ERR(fx->dev);
	fx->other = kunit_device_register(test, "other");
	if (IS_ERR(fx->other))
		return PTR_ERR(fx->other);
	/* Elsewhere the pages are mapped already, with other attributes. */
	if (!IS_ENABLED(CONFIG_UML))
		fx_stub_mapping(test);
	fx_add_bank(test, POOL_PAGES);
	return 0;
}
