# Looks for secrets in files.
#
#   secrets.pl KEYS FILE...     KEYS: a file of lines, each a path of a private key (PEM, P-256) or
#                               `token SECRET`, the 26 letters of a join string
#
# Prints a line for each that stands in a file, in any of its forms: bytes, hex, base32 or base64, the
# letters in either case, the lines of its PEM. The key's own file is not looked at. The last line is
# how many files and how many bytes were looked at.
use strict;
use warnings;
use MIME::Base64;

# A form of less would be found by chance.
sub form { my ($what, $bytes) = @_; return length $bytes >= 12 ? [$what, $bytes] : () }

sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or return undef;
    local $/;
    my $all = <$f>;
    return defined $all ? $all : '';
}

sub base32 {
    my ($text) = @_;
    my %value;
    @value{'A' .. 'Z', '2' .. '7'} = 0 .. 31;
    my $bits = join '', map { sprintf '%05b', $value{$_} } split //, $text;
    return pack 'B*', substr $bits, 0, 8 * int(length($bits) / 8);
}

# Base64 of the bytes wherever they stand among others: what is the same in all three places.
sub forms_of_bytes {
    my ($name, $bytes) = @_;
    my @forms = (form("$name (bytes)", $bytes), form("$name (hex)", unpack 'H*', $bytes),
        form("$name (HEX)", uc unpack 'H*', $bytes));
    for my $shift (0 .. 2) {
        my $text = encode_base64(('x' x $shift) . $bytes, '');
        $text =~ s/=+$//;
        push @forms, form("$name (base64)", substr $text, 4, length($text) - 6);
    }
    return @forms;
}

sub forms_of_key {
    my ($path) = @_;
    my $pem = slurp($path);
    die "no key: $path\n" unless defined $pem && $pem =~ /PRIVATE KEY/;
    my @lines = grep { !/-----/ } split /\n/, $pem;
    my $der = decode_base64(join '', @lines);
    my $at = index $der, "\x02\x01\x01\x04\x20";
    die "no scalar: $path\n" if $at < 0;
    return ((map { form("$path (PEM)", $_) } @lines), forms_of_bytes($path, substr $der, $at + 5, 32));
}

my ($keys, @files) = @ARGV;
my (@forms, %own);
for my $line (split /\n/, slurp($keys)) {
    if ($line =~ /^token (\S+)$/) {
        push @forms, form('token', $1), form('token', lc $1), forms_of_bytes('token', base32($1));
    } else {
        push @forms, forms_of_key($line);
        $own{$line} = 1;
    }
}
my ($looked, $bytes, $found) = (0, 0, 0);
for my $path (@files) {
    next if $own{$path};
    my $all = slurp($path);
    next unless defined $all;
    $looked++;
    $bytes += length $all;
    for my $form (@forms) {
        next if index($all, $form->[1]) < 0;
        print "$form->[0] is in $path\n";
        $found = 1;
    }
}
print "$looked files, $bytes bytes\n";
exit $found;
