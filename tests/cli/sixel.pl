#!/usr/bin/perl
# sixel.pl SIXELS BLOCKS: both are what `velum run --view` printed of one picture that fits. The
# sixels are decoded here, by DEC STD 070 and nothing of Velum's; the half blocks say each pixel
# exactly. A pixel of the sixels must be one of the two levels beside its true value, and all of them
# together must be nearly as bright.
use strict;
use warnings;

sub slurp { local (@ARGV, $/) = @_; return scalar <> }

# Rows of [r, g, b].
sub sixels {
    my ($text) = slurp($_[0]) =~ /\eP[0-9;]*q(.*?)\e\\/s or die "no sixels\n";
    my ($x, $band, $colour, @palette, @picture) = (0, 0, 0);
    $text =~ s/^"(\d+);(\d+);(\d+);(\d+)// or die "no size\n";
    my ($width, $height) = ($3, $4);
    while ($text =~ /\G(?:#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|(\$)|(-))/gc) {
        if (defined $1) { $palette[$1] = [map { $_ * 255 / 100 } $2, $3, $4] }
        elsif (defined $5) { $colour = $5; die "no colour $5\n" unless $palette[$5] }
        elsif (defined $9) { $x = 0 }
        elsif (defined $10) { $x = 0; $band++ }
        else {
            my ($count, $bits) = (defined $6 ? $6 : 1, ord(defined $7 ? $7 : $8) - 63);
            for (1 .. $count) {
                for my $row (0 .. 5) {
                    next unless $bits >> $row & 1;
                    my $y = 6 * $band + $row;
                    die "outside: $x, $y\n" if $x >= $width || $y >= $height;
                    die "twice: $x, $y\n" if $picture[$y][$x];
                    $picture[$y][$x] = $palette[$colour];
                }
                $x++;
            }
        }
    }
    die "what is this: " . substr($text, pos($text) || 0, 20) . "\n" if (pos($text) || 0) < length $text;
    return @picture;
}

sub blocks {
    my @picture;
    for my $line (grep { /\xe2\x96\x80/ } split /\n/, slurp($_[0])) {
        my (@upper, @lower);
        while ($line =~ /\e\[38;2;(\d+);(\d+);(\d+)m(?:\e\[48;2;(\d+);(\d+);(\d+)m)?\xe2\x96\x80/g) {
            push @upper, [$1, $2, $3];
            push @lower, [$4, $5, $6] if defined $4;
        }
        push @picture, \@upper;
        push @picture, \@lower if @lower;
    }
    return @picture;
}

my @is = sixels($ARGV[0]);
my @must = blocks($ARGV[1]);
die "rows: " . @is . " and " . @must . "\n" unless @is == @must && @is > 0;
my ($sum, $count) = (0, 0);
for my $y (0 .. $#must) {
    die "columns of row $y\n" unless @{ $is[$y] } == @{ $must[$y] };
    for my $x (0 .. $#{ $must[$y] }) {
        for my $k (0 .. 2) {
            die "no pixel $x, $y\n" unless $is[$y][$x];
            my $off = $is[$y][$x][$k] - $must[$y][$x][$k];
            die "pixel $x, $y: $is[$y][$x][$k] is far from $must[$y][$x][$k]\n" if abs($off) > 51;
            $sum += $off;
            $count++;
        }
    }
}
die "brighter by " . $sum / $count . "\n" if abs($sum / $count) > 8;
print "$count values\n";
