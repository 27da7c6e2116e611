// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: whose memory can be a pool, and how it
 * is mapped
 *
 * No mapping is stubbed here: what is asked for is the machine's own memory, and
 * the attributes are read from the page tables. On the kernel's command line:
 *
 *	dma_coherent_kunit.spare=ADDRESS	memory to map, 2 MiB behind the end of
 *						RAM, with "mem=" say
 *	dma_coherent_kunit.reserved=ADDRESS	the same with RAM in front of it, with
 *						"memmap=" say
 *
 * The regions in the device tree are those of dma-coherent-memory-kunit.dtsi. Each
 * test makes sure that its region lies where its name says.
 */

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/of.h>
#include <linux/of_device.h>
#include <linux/of_fdt.h>
#include <linux/of_platform.h>
#include <linux/of_reserved_mem.h>
#include <linux/pfn.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <asm/sections.h>

#include "dma-coherent-fixture.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "dma_coherent_kunit."

static unsigned long long spare;
module_param(spare, ullong, 0444);
MODULE_PARM_DESC(spare, "Physical address of memory that nobody uses and that is no System RAM, 0 for none");

static unsigned long long reserved;
module_param(reserved, ullong, 0444);
MODULE_PARM_DESC(reserved, "Physical address of memory that firmware reserved behind System RAM, 0 for none");

#define ALL_RAM		"is System RAM; add no-map, or see why it was not reserved"
#define SOME_RAM	"is partly System RAM"

static int memory_init(struct kunit *test)
{
	int err = fixture_init(test);

	if (!err)
		fx_use_true_mapping(test);
	return err;
}

/* Resources that a test makes, as UML has none */

static void forget_memory(void *res)
{
	remove_resource(res);
}

static void add_memory(struct kunit *test, const char *name, unsigned long flags,
		       phys_addr_t base, size_t size)
{
	struct resource *res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, res);
	res->name = name;
	res->start = base;
	res->end = base + size - 1;
	res->flags = flags;
	KUNIT_ASSERT_EQ(test, insert_resource(&iomem_resource, res), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, forget_memory, res), 0);
}

/* @why: NULL if the memory can be a pool, or else the one message. */
static void expect_declared(struct kunit *test, phys_addr_t base, size_t size, const char *why)
{
	struct fixture *fx = test->priv;

	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, dma_declare_coherent_memory(fx->dev, base, HANDLE, size),
			why ? -EINVAL : 0);
	KUNIT_EXPECT_EQ(test, !fx_mem(fx->dev, 0), !!why);
	if (why)
		KUNIT_EXPECT_EQ_MSG(test, fx_log_count(test, why), 1, "no message: %s", why);
}

/**
 * struct ram_case - where System RAM lies, in pages from the start of a region of
 *	POOL_PAGES
 * @name: of the case
 * @first: first page
 * @pages: how many; 0 for none
 * @other: the page behind it is some other kind of memory
 * @why: what is wrong with the region
 */
struct ram_case {
	const char *name;
	unsigned long first;
	unsigned long pages;
	bool other;
	const char *why;
};

static const struct ram_case ram_cases[] = {
	{ "none", 0, 0, false, NULL },
	{ "all", 0, POOL_PAGES, false, ALL_RAM },
	{ "first page", 0, 1, false, SOME_RAM },
	{ "last page", POOL_PAGES - 1, 1, false, SOME_RAM },
	{ "front, then a hole", 0, POOL_PAGES / 2, false, SOME_RAM },
	{ "front, then something else", 0, POOL_PAGES / 2, true, SOME_RAM },
	{ "all but the first page", 1, POOL_PAGES - 1, false, SOME_RAM },
	{ "in the middle", 5, 2, false, SOME_RAM },
	{ "behind it", POOL_PAGES, 4, false, NULL },
};

KUNIT_ARRAY_PARAM_DESC(ram_case, ram_cases, name);

static void ram_is_refused_wherever_it_lies(struct kunit *test)
{
	const struct ram_case *c = test->param_value;
	struct bank *bank;

	if (!IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "the machine has System RAM of its own");
	bank = fx_add_bank(test, POOL_PAGES + 4);
	if (c->pages)
		add_memory(test, "System RAM", IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
			   bank->base + c->first * PAGE_SIZE, c->pages * PAGE_SIZE);
	if (c->other)
		add_memory(test, "other memory", IORESOURCE_MEM,
			   bank->base + (c->first + c->pages) * PAGE_SIZE, PAGE_SIZE);
	expect_declared(test, bank->base, POOL_SIZE, c->why);
}

/* Memory of the machine */

static int find_end(unsigned long pfn, unsigned long pages, void *end)
{
	*(unsigned long *)end = pfn + pages;
	return 0;
}

/* The first page frame above all System RAM; 0 where the machine registers none. */
static unsigned long end_of_ram(void)
{
	unsigned long end = 0;

	walk_system_ram_range(0, PHYS_PFN(PHYS_ADDR_MAX), &end, find_end);
	return end;
}

static void skip_without_owners(struct kunit *test)
{
	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "UML lends its pages to pools");
}

/* Pages in use are not zeroed. */
static void pages_of_the_page_allocator_are_refused(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = &fx->bank[0];

	skip_without_owners(test);
	expect_declared(test, bank->base, bank->size, ALL_RAM);
	KUNIT_EXPECT_NULL(test, memchr_inv(bank->mem, DIRT, bank->size));
}

static void kernel_image_is_refused(struct kunit *test)
{
	phys_addr_t base = PAGE_ALIGN_DOWN(__pa_symbol(_stext));

	skip_without_owners(test);
	if (!end_of_ram())
		kunit_skip(test, "no System RAM is registered, and the image is reserved");
	expect_declared(test, base, 4 * PAGE_SIZE, ALL_RAM);
}

/* A board with less memory than its device tree says. */
static void region_across_the_end_of_ram_is_refused(struct kunit *test)
{
	unsigned long end = end_of_ram();

	skip_without_owners(test);
	if (!end)
		kunit_skip(test, "no System RAM is registered");
	if (PFN_PHYS(end) + SZ_64K - 1 < PFN_PHYS(end))
		kunit_skip(test, "System RAM ends where addresses do");
	expect_declared(test, PFN_PHYS(end) - 2 * PAGE_SIZE, 4 * PAGE_SIZE, SOME_RAM);
}

/* On 32 bits, where the kernel has no mapping of its own of the second half. */
static void region_across_lowmem_and_highmem_is_refused(struct kunit *test)
{
	phys_addr_t boundary = __pa(high_memory - 1) + 1;

	if (!IS_ENABLED(CONFIG_HIGHMEM))
		kunit_skip(test, "needs CONFIG_HIGHMEM");
	KUNIT_ASSERT_TRUE(test, page_is_ram(PHYS_PFN(boundary)));
	expect_declared(test, boundary - 2 * PAGE_SIZE, 4 * PAGE_SIZE, ALL_RAM);
}

static void region_across_ram_and_reserved_memory_is_refused(struct kunit *test)
{
	if (!reserved)
		kunit_skip(test, "needs dma_coherent_kunit.reserved=");
	KUNIT_ASSERT_TRUE(test, page_is_ram(PHYS_PFN(reserved) - 1));
	expect_declared(test, reserved - 2 * PAGE_SIZE, 4 * PAGE_SIZE, SOME_RAM);
}

/* The bits of a page table's entry that tell write-combined from cached. */
static u64 attribute_bits(u64 prot)
{
	return prot & (pgprot_val(PAGE_KERNEL) ^
		       pgprot_val(pgprot_writecombine(PAGE_KERNEL)));
}

static int read_pte(pte_t *pte, unsigned long addr, void *bits)
{
	*(u64 *)bits = attribute_bits(pte_val(ptep_get(pte)));
	return 0;
}

static u64 pte_bits(struct kunit *test, struct mm_struct *mm, unsigned long addr)
{
	u64 bits = ~0;

	KUNIT_EXPECT_EQ(test, apply_to_existing_page_range(mm, addr, PAGE_SIZE, read_pte, &bits),
			0);
	return bits;
}

/*
 * The first and the last of the @pages at @vaddr, as user space and the kernel see
 * them, in the memory and in the page tables.
 */
static void expect_write_combined(struct kunit *test, struct device *dev, void *vaddr,
				  unsigned long pages)
{
	u64 combined = attribute_bits(pgprot_val(pgprot_writecombine(PAGE_KERNEL)));
	struct view view = { .dev = dev, .vaddr = vaddr, .size = pages * PAGE_SIZE };
	unsigned long addr, last = (pages - 1) * PAGE_SIZE;

	KUNIT_ASSERT_TRUE(test, is_vmalloc_addr(vaddr));
	KUNIT_EXPECT_EQ(test, pte_bits(test, &init_mm, (unsigned long)vaddr), combined);
	KUNIT_EXPECT_EQ(test, pte_bits(test, &init_mm, (unsigned long)vaddr + last), combined);
	addr = fx_mmap(test, &view, pages);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, pte_bits(test, current->mm, addr), combined);
	KUNIT_EXPECT_EQ(test, pte_bits(test, current->mm, addr + last), combined);

	WRITE_ONCE(*(u32 *)(vaddr + last), 0x5ee5);
	fx_expect_user_word(test, addr + last, 0x5ee5);
	fx_write_user_word(test, addr, 0x7eb7);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*(u32 *)vaddr), 0x7eb7);
}

static const struct kept_case {
	const char *name;
	const unsigned long long *base;
} kept_cases[] = {
	{ "spare", &spare },
	{ "reserved", &reserved },
};

KUNIT_ARRAY_PARAM_DESC(kept_case, kept_cases, name);

/* The mapping of user space has the attributes of the kernel's. */
static void memory_kept_from_the_kernel_is_write_combined(struct kunit *test)
{
	const struct kept_case *c = test->param_value;
	struct fixture *fx = test->priv;
	struct bank bank = fx->bank[0];

	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "UML has one kind of mapping");
	if (!*c->base)
		kunit_skip(test, "needs dma_coherent_kunit.%s=", c->name);
	bank.base = *c->base;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &bank), 0);
	expect_write_combined(test, fx->dev, fx_alloc(test, fx->dev, POOL_PAGES), POOL_PAGES);
}

#ifdef CONFIG_DMA_COHERENT_OF

/* Regions of the device tree */

#define NODES	"/dma-coherent-memory-kunit"

static bool covers(const struct reserved_mem *rmem, phys_addr_t addr)
{
	return addr >= rmem->base && addr - rmem->base < rmem->size;
}

static bool in_ram(const struct reserved_mem *rmem)
{
	return rmem->base + rmem->size < PFN_PHYS(end_of_ram());
}

static bool at_end_of_ram(const struct reserved_mem *rmem)
{
	return covers(rmem, PFN_PHYS(end_of_ram()));
}

static bool beyond_ram(const struct reserved_mem *rmem)
{
	return rmem->base > PFN_PHYS(end_of_ram());
}

static bool over_image(const struct reserved_mem *rmem)
{
	return covers(rmem, __pa_symbol(_stext));
}

static bool over_device_tree(const struct reserved_mem *rmem)
{
	return covers(rmem, initial_boot_params_pa);
}

static bool across_lowmem(const struct reserved_mem *rmem)
{
	return covers(rmem, __pa(high_memory - 1)) && covers(rmem, __pa(high_memory - 1) + 1);
}

static bool in_highmem(const struct reserved_mem *rmem)
{
	return rmem->base > __pa(high_memory - 1) && in_ram(rmem);
}

/**
 * struct place - where a region of the device tree lies
 * @name: of the region, without "kunit-"
 * @is_there: whether it does
 * @why: what is wrong with it; NULL where it can be a pool
 * @no_map: it has this property
 */
struct place {
	const char *name;
	bool (*is_there)(const struct reserved_mem *rmem);
	const char *why;
	bool no_map;
};

static const struct place places[] = {
	{ "ram-nomap", in_ram, NULL, true },
	{ "ram", in_ram, ALL_RAM, false },
	{ "over-nomap", in_ram, NULL, true },
	{ "over-ram", in_ram, ALL_RAM, true },
	{ "end-nomap", at_end_of_ram, NULL, true },
	{ "end", at_end_of_ram, SOME_RAM, false },
	{ "beyond-nomap", beyond_ram, NULL, true },
	{ "beyond", beyond_ram, NULL, false },
	{ "image-nomap", over_image, ALL_RAM, true },
	{ "image", over_image, ALL_RAM, false },
	{ "blob-nomap", over_device_tree, ALL_RAM, true },
	{ "blob", over_device_tree, ALL_RAM, false },
	{ "lowmem-end", across_lowmem, ALL_RAM, false },
	{ "highmem-nomap", in_highmem, NULL, true },
};

KUNIT_ARRAY_PARAM_DESC(place, places, name);

static const struct place *find_place(const char *name)
{
	const struct place *place = places;

	while (strcmp(place->name, name))
		place++;
	return place;
}

/* Then it is no pool for anybody. The boot's log has the message. */
static bool refused_at_boot(const struct place *place)
{
	return IS_ENABLED(CONFIG_ARM) && !place->no_map;
}

static struct device_node *find_nodes(struct kunit *test)
{
	struct device_node *node = of_find_node_by_path(NODES);

	if (!node)
		kunit_skip(test, "needs the nodes of dma-coherent-memory-kunit.dtsi");
	of_node_put(node);
	return node;
}

static struct reserved_mem *find_region(struct kunit *test, const struct place *place)
{
	struct device_node *nodes = find_nodes(test), *node;
	struct reserved_mem *rmem;

	if (refused_at_boot(place) &&
	    (place->is_there == over_image || place->is_there == over_device_tree))
		kunit_skip(test, "the kernel would free its own memory when it refuses the region");
	if (!IS_ENABLED(CONFIG_HIGHMEM) &&
	    (place->is_there == across_lowmem || place->is_there == in_highmem))
		kunit_skip(test, "needs CONFIG_HIGHMEM");
	node = of_parse_phandle(nodes, "memory-region",
				of_property_match_string(nodes, "memory-region-names",
							 place->name));
	KUNIT_ASSERT_NOT_NULL(test, node);
	rmem = of_reserved_mem_lookup(node);
	of_node_put(node);
	KUNIT_ASSERT_NOT_NULL(test, rmem);
	KUNIT_ASSERT_TRUE_MSG(test, place->is_there(rmem), "%s is at %pa, it does not lie there",
			      rmem->name, &rmem->base);
	return rmem;
}

static void destroy_device(void *pdev)
{
	of_platform_device_destroy(&((struct platform_device *)pdev)->dev, NULL);
}

static struct device *add_device(struct kunit *test, const char *name)
{
	struct device_node *node = of_get_child_by_name(find_nodes(test), name);
	struct platform_device *pdev = of_platform_device_create(node, NULL, NULL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy_device, pdev), 0);
	/* As before a driver probes. */
	err = of_dma_configure(&pdev->dev, node, true);
	of_node_put(node);
	KUNIT_ASSERT_EQ(test, err, 0);
	pdev->dev.coherent_dma_mask = DMA_BIT_MASK(64);
	return &pdev->dev;
}

static int attach_to(struct kunit *test, struct device *dev, const struct place *place)
{
	return of_reserved_mem_device_init_by_name(dev, find_nodes(test), place->name);
}

#define WATCHED	64	/* bytes */

/*
 * Memory that must stay as it is; NULL where something else may change it. What is
 * reserved for the region is nobody's, but on arm the kernel has freed it.
 */
static void *watched(const struct place *place, const struct reserved_mem *rmem)
{
	unsigned long pfn = PHYS_PFN(rmem->base);

	if (place->is_there == over_image)
		return _stext;
	if (place->is_there == over_device_tree)
		return initial_boot_params;
	if (IS_ENABLED(CONFIG_ARM) || !page_is_ram(pfn) || !PageReserved(pfn_to_page(pfn)))
		return NULL;
	return memset(__va(rmem->base), DIRT, WATCHED);
}

static void expect_refused(struct kunit *test, struct device *dev, const struct place *place)
{
	u8 *mem = watched(place, find_region(test, place));
	u8 before[WATCHED] = {};

	if (mem)
		memcpy(before, mem, WATCHED);
	fx_log_start(test);
	KUNIT_ASSERT_EQ(test, attach_to(test, dev, place), -EINVAL);
	if (!refused_at_boot(place))
		KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(fx_log_next(test), place->why),
					  "no message: %s", place->why);
	fx_expect_no_message(test);
	KUNIT_EXPECT_NULL(test, fx_mem(dev, 0));
	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(dev, PAGE_SIZE));
	if (mem) {
		KUNIT_EXPECT_NOT_NULL(test, memchr_inv(mem, 0, WATCHED));
		KUNIT_EXPECT_MEMEQ(test, mem, before, WATCHED);
	}
}

static void expect_served(struct kunit *test, struct device *dev, const struct place *place)
{
	struct reserved_mem *rmem = find_region(test, place);
	unsigned long pages = PHYS_PFN(rmem->size);
	void *vaddr;

	fx_log_start(test);
	KUNIT_ASSERT_EQ(test, attach_to(test, dev, place), 0);
	fx_expect_no_message(test);
	KUNIT_ASSERT_NOT_NULL(test, fx_mem(dev, 0));
	KUNIT_EXPECT_EQ(test, fx_region(dev)->base, rmem->base);
	KUNIT_EXPECT_EQ(test, fx_region(dev)->pool.pages, pages);
	vaddr = fx_alloc(test, dev, pages);
	expect_write_combined(test, dev, vaddr, pages);
	KUNIT_EXPECT_EQ(test, fx_free(dev, pages, vaddr), 1);
}

static void expect_decided(struct kunit *test, struct device *dev)
{
	const struct place *place = test->param_value;

	if (place->why || refused_at_boot(place))
		expect_refused(test, dev, place);
	else
		expect_served(test, dev, place);
}

/* Who comes first decides nothing. */

static void place_of_a_coherent_device_first(struct kunit *test)
{
	struct device *coherent = add_device(test, "coherent");
	struct device *other = add_device(test, "other");

	KUNIT_EXPECT_TRUE(test, dev_is_dma_coherent(coherent));
	expect_decided(test, coherent);
	expect_decided(test, other);
	of_reserved_mem_device_release(coherent);
	of_reserved_mem_device_release(other);
}

static void place_of_a_device_that_is_not_coherent_first(struct kunit *test)
{
	struct device *coherent = add_device(test, "coherent");
	struct device *other = add_device(test, "other");

	if (dev_is_dma_coherent(other))
		kunit_skip(test, "each device of this machine is coherent");
	expect_decided(test, other);
	expect_decided(test, coherent);
	of_reserved_mem_device_release(other);
	of_reserved_mem_device_release(coherent);
}

static void regions_over_each_other_are_reported(struct kunit *test)
{
	struct device *dev = add_device(test, "coherent"), *other = add_device(test, "other");

	KUNIT_ASSERT_EQ(test, attach_to(test, dev, find_place("ram-nomap")), 0);
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, attach_to(test, dev, find_place("over-nomap")), -EBUSY);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "kunit-over-nomap"), 1);
	KUNIT_EXPECT_EQ(test, attach_to(test, other, find_place("over-nomap")), 0);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "overlaps region kunit-ram-nomap"), 1);
	of_reserved_mem_device_release(dev);
	of_reserved_mem_device_release(other);
}

#endif /* CONFIG_DMA_COHERENT_OF */

static struct kunit_case dma_coherent_memory_cases[] = {
	KUNIT_CASE_PARAM(ram_is_refused_wherever_it_lies, ram_case_gen_params),
	KUNIT_CASE(pages_of_the_page_allocator_are_refused),
	KUNIT_CASE(kernel_image_is_refused),
	KUNIT_CASE(region_across_the_end_of_ram_is_refused),
	KUNIT_CASE(region_across_lowmem_and_highmem_is_refused),
	KUNIT_CASE(region_across_ram_and_reserved_memory_is_refused),
	KUNIT_CASE_PARAM(memory_kept_from_the_kernel_is_write_combined, kept_case_gen_params),
#ifdef CONFIG_DMA_COHERENT_OF
	KUNIT_CASE_PARAM(place_of_a_coherent_device_first, place_gen_params),
	KUNIT_CASE_PARAM(place_of_a_device_that_is_not_coherent_first, place_gen_params),
	KUNIT_CASE(regions_over_each_other_are_reported),
#endif
	{}
};

static struct kunit_suite dma_coherent_memory_suite = {
	.name = "dma_coherent_memory",
	.init = memory_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_memory_cases,
};

kunit_test_suite(dma_coherent_memory_suite);

MODULE_DESCRIPTION("KUnit tests for whose memory per-device coherent memory is");
MODULE_LICENSE("GPL");
