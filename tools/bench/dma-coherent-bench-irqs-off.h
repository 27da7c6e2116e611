/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time how long interrupts are off
 *
 * The compiler includes this before everything else in a source whose code is to
 * be timed: see build_irqs_off() in tools/bench/bench. Whatever turns interrupts
 * off there then calls the benchmark, as do the locks that turn them off.
 */
#ifndef _DMA_COHERENT_BENCH_IRQS_OFF_H
#define _DMA_COHERENT_BENCH_IRQS_OFF_H

#include <linux/irqflags.h>

void bench_irqs_off(void);
void bench_irqs_on(void);

#undef raw_local_irq_save
#undef raw_local_irq_restore
#undef raw_local_irq_disable
#undef raw_local_irq_enable

/* What is nested in a stretch with interrupts off does not end it. */
#define raw_local_irq_save(flags)					\
	do {								\
		typecheck(unsigned long, flags);			\
		flags = arch_local_irq_save();				\
		if (!arch_irqs_disabled_flags(flags))			\
			bench_irqs_off();				\
	} while (0)

#define raw_local_irq_restore(flags)					\
	do {								\
		typecheck(unsigned long, flags);			\
		if (!arch_irqs_disabled_flags(flags))			\
			bench_irqs_on();				\
		arch_local_irq_restore(flags);				\
	} while (0)

#define raw_local_irq_disable()						\
	do {								\
		arch_local_irq_disable();				\
		bench_irqs_off();					\
	} while (0)

#define raw_local_irq_enable()						\
	do {								\
		bench_irqs_on();					\
		arch_local_irq_enable();				\
	} while (0)

#endif /* _DMA_COHERENT_BENCH_IRQS_OFF_H */
