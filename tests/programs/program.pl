# Floating-point work for an interpreter: n bodies, the Mandelbrot set, functions, sorting.
use strict;
use warnings;

my @bodies = (
    [0, 0, 0, 0, 0, 0, 39.478],
    [4.841, -1.160, -0.103, 0.606, 2.811, -0.025, 0.0377],
    [8.343, 4.124, -0.403, -1.010, 1.825, 0.008, 0.0113],
    [12.894, -15.111, -0.223, 1.082, 0.868, -0.010, 0.0017],
);
for my $step (1 .. 1500) {
    for my $i (0 .. $#bodies) {
        for my $j ($i + 1 .. $#bodies) {
            my ($a, $b) = @bodies[$i, $j];
            my @d = map { $a->[$_] - $b->[$_] } 0 .. 2;
            my $square = $d[0] ** 2 + $d[1] ** 2 + $d[2] ** 2;
            my $pull = 0.01 / ($square * sqrt $square);
            for my $k (0 .. 2) {
                $a->[3 + $k] -= $d[$k] * $b->[6] * $pull;
                $b->[3 + $k] += $d[$k] * $a->[6] * $pull;
            }
        }
    }
    for my $body (@bodies) {
        $body->[$_] += 0.01 * $body->[3 + $_] for 0 .. 2;
    }
}
printf "%.17g %.17g %.17g\n", @$_[0 .. 2] for @bodies;

for my $row (-12 .. 12) {
    for my $column (-30 .. 15) {
        my ($x, $y, $n) = (0, 0, 0);
        while ($x * $x + $y * $y < 4 && $n++ < 60) {
            ($x, $y) = ($x * $x - $y * $y + $column / 20, 2 * $x * $y + $row / 12);
        }
        print chr(32 + $n);
    }
    print "\n";
}

my $sum = 0;
for my $n (1 .. 5000) {
    $sum += sin($n) * cos($n / 3) + exp(-$n / 1000) * log($n + 1) + atan2($n, 7) + $n ** 0.3;
    $sum += int($n / 3.7) % 11 + sprintf("%.3f", $n / 9);
}
printf "%.17g\n", $sum;
print join(" ", (sort { $a <=> $b } map { $_ * 7919 % 10007 / 8 } 1 .. 2000)[0 .. 99]), "\n";
my %words;
$words{substr "$_" x 3, 0, 4}++ for 1 .. 5000;
print map { "$_ $words{$_}\n" } sort keys %words;
