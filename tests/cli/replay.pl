# replay.pl SOCKET FILE: sends the file's bytes, waits until an answer has come, 2 s at
# most, and prints it.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

my ($path, $file) = @ARGV;
binmode STDOUT;
my $node = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!";
open my $in, '<', $file or die "$file: $!";
binmode $in;
syswrite $node, join '', <$in>;
my $wait = IO::Select->new($node);
my $patience = 2;
while ($wait->can_read($patience)) {
    last unless sysread $node, my $bytes, 65536;
    syswrite STDOUT, $bytes;
    $patience = 0.3;
}
