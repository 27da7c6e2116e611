# SPDX-License-Identifier: GPL-2.0
#
# Draws results.tsv of the current directory: each plot as SVG and as PNG.

set encoding utf8
set datafile separator "\t"

OURS = "#0b6e99"
SMALL = "#56b1cf"
MAINLINE = "#c8553d"
BEST = "#8c8c8c"
TEXT = "#333333"

set style line 1 lc rgb OURS lw 2.5 pt 7 ps 0.9
set style line 2 lc rgb MAINLINE lw 2.5 pt 5 ps 0.9
set style line 3 lc rgb BEST lw 2 dt (6,5) pt 0
set style line 4 lc rgb SMALL lw 2.5 pt 9 ps 1.1
set style line 9 lc rgb "#e6e6e6" lw 1

set border 3 lc rgb "#666666"
set grid ytics ls 9
set tics nomirror scale 0.5 textcolor rgb TEXT
set xlabel " " textcolor rgb TEXT
set key off

# The rows of a benchmark whose case begins and ends in these, as columns
# 1: what is between, 2: ours, 3: mainline, 4: best
cases(benchmark, head, tail) = sprintf("< awk -F '\\t' -v OFS='\\t' -v b='%s' -v h='%s' -v t='%s' '$1 == b && index($2, h) == 1 && substr($2, length($2) - length(t) + 1) == t { print substr($2, length(h) + 1, length($2) - length(h) - length(t)), $3, $4, $5 }' results.tsv", benchmark, head, tail)

spaced(size) = system(sprintf("echo '%s' | sed 's/[KMG]iB/ &/; s/%%/ %%/'", size))

# A heading, and below it the colours' names in place of a key.
heading(text) = "{/:Bold=15 ".text."}"
set label 1 at screen 0.012,0.945 left textcolor rgb "#111111"
set label 2 at screen 0.012,0.865 left textcolor rgb OURS
set label 3 at screen 0.012,0.865 left textcolor rgb MAINLINE
set label 4 at screen 0.012,0.865 left textcolor rgb BEST

do for [format in "svg png"] {
	if (format eq "svg") {
		set terminal svg size 1180,430 enhanced font "DejaVu Sans,13" background rgb "white"
	} else {
		set terminal pngcairo size 1180,430 enhanced font "DejaVu Sans,11"
	}

	# --- time ---

	set logscale y
	set ytics ("10 ns" 10, "100 ns" 100, "1 µs" 1e3, "10 µs" 1e4, "100 µs" 1e5, "1 ms" 1e6)
	set yrange [9:5e6]
	set label 2 "{/:Bold ●} page pool" at screen 0.012,0.865 left textcolor rgb OURS
	set label 3 "{/:Bold ■} mainline" at screen 0.115,0.865 left textcolor rgb MAINLINE
	set label 4 "{/:Bold - -} mainline, the same request in an empty pool" at screen 0.21,0.865 left textcolor rgb BEST

	set output "time-occupancy.".format
	set label 1 heading("An allocation and its release in a pool of 1 GiB, by how much of it is held")
	set multiplot layout 1,3 margins 0.065,0.985,0.14,0.74 spacing 0.03,0
	set xrange [-0.2:4.2]
	set format y "%g"
	do for [size in "4KiB 64KiB 1MiB"] {
		set title "{/:Bold ".spaced(size)."}" textcolor rgb TEXT
		set xlabel (size eq "64KiB" ? "percent of the pool that is held, in units of the request, at random; 100: all but one" : " ")
		data = cases("pair", "1GiB/".size."@", "%")
		plot data using 0:4 with lines ls 3, \
			data using 0:3:xtic(1) with linespoints ls 2, \
			data using 0:2 with linespoints ls 1
		unset label 1; unset label 2; unset label 3; unset label 4
		set format y ""
		set ytics ("" 10, "" 100, "" 1e3, "" 1e4, "" 1e5, "" 1e6)
	}
	unset multiplot

	set output "time-pool-size.".format
	set label 1 heading("The same request in pools of different size") at screen 0.012,0.945 left textcolor rgb "#111111"
	set label 2 "{/:Bold ●} page pool" at screen 0.012,0.865 left textcolor rgb OURS
	set label 3 "{/:Bold ■} mainline" at screen 0.115,0.865 left textcolor rgb MAINLINE
	set label 4 "{/:Bold - -} mainline, the same request in an empty pool" at screen 0.21,0.865 left textcolor rgb BEST
	set ytics ("10 ns" 10, "100 ns" 100, "1 µs" 1e3, "10 µs" 1e4, "100 µs" 1e5, "1 ms" 1e6)
	set multiplot layout 1,4 margins 0.065,0.985,0.14,0.74 spacing 0.03,0
	set xrange [-0.3:3.3]
	do for [panel in "4KiB@0% 4KiB@50% 4KiB@99% 8KiB,checkerboard"] {
		if (panel eq "8KiB,checkerboard") {
			set title "{/:Bold 8 KiB, refused}: every 2nd page held" textcolor rgb TEXT
		} else {
			set title "{/:Bold 4 KiB}, ".system("echo '".panel."' | sed 's/.*@//; s/%/ %/'")." held" textcolor rgb TEXT
		}
		set xlabel (panel eq "4KiB@50%" ? "size of the pool" : " ") offset screen 0.12,0
		data = cases("scaling", "", "/".panel)
		plot data using 0:4 with lines ls 3, \
			data using 0:3:xtic(spaced(strcol(1))) with linespoints ls 2, \
			data using 0:2 with linespoints ls 1
		unset label 1; unset label 2; unset label 3; unset label 4
		set ytics ("" 10, "" 100, "" 1e3, "" 1e4, "" 1e5, "" 1e6)
	}
	unset multiplot

	# --- what fits ---

	unset logscale y
	set format y "%g"
	set yrange [0:300]
	set ytics 50
	set xrange [-0.2:3.2]

	set output "refused-load.".format
	set label 1 heading("Bytes refused in a pool of 256 MiB, per mille of bytes asked for") at screen 0.012,0.945 left textcolor rgb "#111111"
	set label 2 "{/:Bold ●} page pool, aligned to 1 MiB at most" at screen 0.012,0.865 left textcolor rgb OURS
	set label 5 "{/:Bold ▲} page pool, to 64 KiB at most" at screen 0.29,0.865 left textcolor rgb SMALL
	set label 3 "{/:Bold ■} mainline" at screen 0.52,0.865 left textcolor rgb MAINLINE
	set multiplot layout 1,4 margins 0.065,0.985,0.14,0.74 spacing 0.03,0
	do for [mix in "display camera codec rings"] {
		set title "{/:Bold ".mix."}" textcolor rgb TEXT
		set xlabel (mix eq "camera" ? "bytes held, percent of the pool" : " ") offset screen 0.12,0
		data = cases("churn", mix."@", "%")
		small = cases("churn", mix."@", "%,limit=64KiB")
		plot data using 0:3:xtic(1) with linespoints ls 2, \
			data using 0:2 with linespoints ls 1, \
			small using 0:2 with linespoints ls 4
		unset label 1; unset label 2; unset label 3; unset label 5
		set format y ""
	}
	unset multiplot
	set output
	set xlabel " " offset 0,0
	set label 1 at screen 0.012,0.945 left textcolor rgb "#111111"
}
