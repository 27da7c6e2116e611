# SPDX-License-Identifier: GPL-2.0
#
# Draws results.tsv of the current directory: each plot as SVG and as PNG.

set encoding utf8
set datafile separator "\t"

OURS = "#0b6e99"
SMALL = "#56b1cf"
MAINLINE = "#c8553d"
BEST = "#8c8c8c"
GENALLOC = "#7a5ea8"
DRM = "#4f8f3f"
TEXT = "#333333"

set style line 1 lc rgb OURS lw 2.5 pt 7 ps 0.9
set style line 2 lc rgb MAINLINE lw 2.5 pt 5 ps 0.9
set style line 3 lc rgb BEST lw 2 dt (6,5) pt 0
set style line 4 lc rgb SMALL lw 2.5 pt 9 ps 1.1
set style line 5 lc rgb GENALLOC lw 1.5 pt 13 ps 0.9
set style line 6 lc rgb DRM lw 1.5 pt 11 ps 0.9
set style line 9 lc rgb "#e6e6e6" lw 1

set border 3 lc rgb "#666666"
set grid ytics ls 9
set tics nomirror scale 0.5 textcolor rgb TEXT
set key off

# The rows of a benchmark whose case begins and ends in these, as columns
# 1: what is between, 2: ours, 3: mainline, 4: best, 5: genalloc, 6: drm_mm
cases(benchmark, head, tail) = sprintf("< awk -F '\\t' -v OFS='\\t' -v b='%s' -v h='%s' -v t='%s' '$1 == b && index($2, h) == 1 && substr($2, length($2) - length(t) + 1) == t { print substr($2, length(h) + 1, length($2) - length(h) - length(t)), $3, $4, $5, $7, $8 }' results.tsv", benchmark, head, tail)

spaced(text) = system(sprintf("echo '%s' | sed 's/[KMG]iB/ &/; s/%%/ %%/'", text))

# Words in a plot's upper left corner: a heading, and the colours' names below.
heading(text) = sprintf("set label 1 '{/:Bold=15 %s}' at screen 0.012,0.945 textcolor rgb '#111111'", text)
name(n, x, sign, text, colour) = sprintf("set label %d '{/:Bold %s} %s' at screen %g,0.865 textcolor rgb '%s'", n, sign, text, x, colour)

time_names = name(2, 0.012, "●", "page pool", OURS) . "; " . \
	     name(3, 0.115, "■", "mainline", MAINLINE) . "; " . \
	     name(4, 0.21, "- -", "mainline, the same request in an empty pool", BEST)
peer_names = time_names . "; " . \
	     name(5, 0.57, "◆", "genalloc, best fit", GENALLOC) . "; " . \
	     name(6, 0.71, "▼", "drm\\_mm, best fit", DRM)
size_names = name(2, 0.012, "●", "page pool, aligned to 1 MiB at most", OURS) . "; " . \
	     name(3, 0.29, "▲", "page pool, to 64 KiB at most", SMALL) . "; " . \
	     name(4, 0.49, "■", "mainline", MAINLINE) . "; " . \
	     name(5, 0.58, "◆", "genalloc, to 1 MiB at most", GENALLOC) . "; " . \
	     name(6, 0.79, "▼", "drm\\_mm, the same", DRM)

# Only the first of several panels has the words, and numbers on its axis.
time_axis = "set ytics ('10 ns' 10, '100 ns' 100, '1 µs' 1e3, '10 µs' 1e4, '100 µs' 1e5, '1 ms' 1e6)"
time_ticks = "set ytics ('' 10, '' 100, '' 1e3, '' 1e4, '' 1e5, '' 1e6)"
panels(n) = sprintf("set multiplot layout 1,%d margins 0.065,0.985,0.14,0.74 spacing 0.025,0", n)

draw_peers = "plot data using 0:4 with lines ls 3, data using 0:5 with linespoints ls 5, data using 0:6 with linespoints ls 6, data using 0:3:xtic(spaced(strcol(1))) with linespoints ls 2, data using 0:2 with linespoints ls 1; unset label"
draw_times = "plot data using 0:4 with lines ls 3, data using 0:3:xtic(spaced(strcol(1))) with linespoints ls 2, data using 0:2 with linespoints ls 1; unset label"

do for [format in "svg png"] {
	terminal_of(width) = format eq "svg" ? \
		sprintf("set terminal svg size %d,430 enhanced font 'DejaVu Sans,13' background rgb 'white'", width) : \
		sprintf("set terminal pngcairo size %d,430 enhanced font 'DejaVu Sans,11'", width)

	set logscale y
	set yrange [9:7e6]

	eval terminal_of(1180)
	set output "time-occupancy.".format
	eval heading("An allocation and its release in a pool of 1 GiB, by how much of it is held")
	eval peer_names
	eval time_axis
	set xrange [-0.2:4.2]
	eval panels(3)
	do for [size in "4KiB 64KiB 1MiB"] {
		set title "{/:Bold ".spaced(size)."}" textcolor rgb TEXT
		set xlabel (size eq "64KiB" ? "percent of the pool that is held, in units of the request, at random; 100: all but one" : " ") textcolor rgb TEXT
		data = cases("pair", "1GiB/".size."@", "%")
		eval draw_peers
		eval time_ticks
	}
	unset multiplot

	eval terminal_of(1400)
	set output "time-pool-size.".format
	eval heading("The same request in pools of different size")
	eval time_names
	eval time_axis
	set xrange [-0.3:3.3]
	eval panels(5)
	do for [panel in "4KiB 4KiB@0% 4KiB@50% 4KiB@99% 8KiB,checkerboard"] {
		benchmark = panel eq "4KiB" ? "fill_mean" : "scaling"
		what = panel eq "4KiB" ? ", the mean of filling it" : \
		       panel eq "8KiB,checkerboard" ? ", every 2nd page held" : \
		       ", ".spaced(panel[6:])." held"
		set title "{/:Bold ".spaced(panel[1:4])."}".what textcolor rgb TEXT
		set xlabel (panel eq "4KiB@50%" ? "size of the pool" : " ") textcolor rgb TEXT
		data = cases(benchmark, "", "/".panel)
		eval draw_times
		eval time_ticks
	}
	unset multiplot

	eval terminal_of(1180)
	set output "time-hooks.".format
	eval heading("dma\\_alloc\\_coherent() and its release in a pool of 64 MiB, zeroing included; half of it is held")
	eval name(2, 0.012, "●", "page pool, pages are clean", OURS)
	eval name(3, 0.21, "▲", "page pool, they are not", SMALL)
	eval name(4, 0.39, "■", "mainline", MAINLINE)
	set yrange [50:2e7]
	eval time_axis
	set xrange [-0.2:4.2]
	eval panels(2)
	do for [benchmark in "hook_pair hook_use"] {
		set title "{/:Bold ".(benchmark eq "hook_use" ? "with the whole buffer written in between" : "nothing else")."}" textcolor rgb TEXT
		set xlabel "bytes" textcolor rgb TEXT
		clean = cases(benchmark, "64MiB/", "@50%,clean")
		# In a state in which the caches are as they are beside clean.
		other = cases(benchmark, "64MiB/", "@50%,".(benchmark eq "hook_use" ? "first" : "dirty"))
		plot clean using 0:3:xtic(spaced(strcol(1))) with linespoints ls 2, \
			other using 0:2 with linespoints ls 4, \
			clean using 0:2 with linespoints ls 1
		unset label
		eval time_ticks
	}
	unset multiplot

	unset logscale y
	set yrange [0:300]
	set ytics 50
	set format y "%g"

	eval terminal_of(1180)
	set output "refused-load.".format
	eval heading("Bytes refused in a pool of 256 MiB, per mille of bytes asked for")
	eval size_names
	set xrange [-0.2:3.2]
	eval panels(4)
	do for [mix in "display camera codec rings"] {
		set title "{/:Bold ".mix."}" textcolor rgb TEXT
		set xlabel (mix eq "camera" ? "bytes held, percent of the pool" : " ") offset screen 0.12,0 textcolor rgb TEXT
		data = cases("churn", mix."@", "%")
		small = cases("churn", mix."@", "%,limit=64KiB")
		plot data using 0:3:xtic(1) with linespoints ls 2, \
			data using 0:5 with linespoints ls 5, \
			data using 0:6 with linespoints ls 6, \
			data using 0:2 with linespoints ls 1, \
			small using 0:2 with linespoints ls 4
		unset label
		set format y ""
	}
	unset multiplot
	set xlabel offset 0,0
	set output
}
