# proxy.pl OWN TARGET RECORD [VERSION]: hands on what goes between the clients of the socket OWN and
# the node behind the socket TARGET, and keeps what the clients sent in the file RECORD. With VERSION
# the node's first frame claims that protocol version.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

my ($own, $target, $record, $version) = @ARGV;
my $server = IO::Socket::UNIX->new(Local => $own, Listen => 8) or die "$own: $!";
chmod 0600, $own;
open my $out, '>', $record or die "$record: $!";
binmode $out;
$out->autoflush(1);
while (my $client = $server->accept) {
    my $node = IO::Socket::UNIX->new(Peer => $target) or die "$target: $!";
    my $both = IO::Select->new($client, $node);
    my $claimed = !defined $version;
  CONNECTION: while (1) {
        for my $from ($both->can_read) {
            last CONNECTION unless sysread $from, my $bytes, 65536;
            print $out $bytes if $from == $client;
            if ($from == $node && !$claimed) {
                substr($bytes, 2, 1) = chr $version;
                $claimed = 1;
            }
            syswrite $from == $client ? $node : $client, $bytes;
        }
    }
    close $_ for $client, $node;
}
