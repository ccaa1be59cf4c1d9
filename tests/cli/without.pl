#!/usr/bin/perl
# without.pl NUMBER=ERROR[,NUMBER=ERROR...] COMMAND [ARGS]: runs it where the system refuses these
# system calls, so that they fail with this error, as on one that does not have or allow them.
use strict;
use warnings;

my ($calls, @command) = @ARGV;
my $prctl = { x86_64 => 157, aarch64 => 167 }->{ (split ' ', `uname -m`)[0] } or die "what machine?\n";

sub step { return pack 'SCCL', @_ }    # of the kernel's filter: code, jumps, value

my $program = step(0x20, 0, 0, 0);     # load the number of the call
my $count = 1;
for (split /,/, $calls) {
    my ($number, $error) = split /=/;
    $program .= step(0x15, 0, 1, $number) . step(0x06, 0, 0, 0x00050000 | $error);
    $count += 2;
}
$program .= step(0x06, 0, 0, 0x7fff0000);
my $head = pack 'S x6 P', $count + 1, $program;
syscall($prctl, 38, 1, 0, 0, 0) == 0 or die "no new privileges: $!\n";
syscall($prctl, 22, 2, $head) == 0 or die "no filter: $!\n";
exec @command or die "$command[0]: $!\n";
