#!/bin/sh
# Makes a Debian package of a built program: sh deploy/deb/build.sh bin/parley bin
# Needs dpkg-deb. Two runs on one commit make the same bytes.
set -eu
umask 022
cd "$(dirname "$0")/../.."
program=$1 out=$2

arch=$(dpkg --print-architecture)
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
# A tag v1.2.3 is version 1.2.3, a commit after it 1.2.3+4.gabcdef0; before the first tag the date orders versions.
describe=$(git describe --tags --always --dirty)
case $describe in
v[0-9]*) version=$(echo "${describe#v}" | sed 's/-/+/; s/-/./g') ;;
*) version=0~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)+$(echo "$describe" | tr - .) ;;
esac

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
put() { install -D -m "$1" "$2" "$root/$3"; }

put 755 "$program" usr/bin/parley
# The unit of this directory makes its user itself; the package has one that stays.
mkdir -p "$root/usr/lib/systemd/system" "$root/etc/parley" "$root/DEBIAN"
sed -e '/^DynamicUser=/d' -e 's,/usr/local/bin/,/usr/bin/,; s,/usr/local/share/doc/parley/,/usr/share/doc/parley/docs/,' \
	-e '/^# Copy to/,/^#   systemctl/d' deploy/parley.service >"$root/usr/lib/systemd/system/parley.service"
sed 's,^\(#* *\)data = .*,data = "/var/lib/parley",' docs/parley.sample.toml >"$root/etc/parley/parley.toml"
# Laid out as in the repository, so that they find each other.
for doc in README.md docs/*.md docs/operate/*.md docs/howto/postgresql.md deploy/README.md deploy/proxy/* deploy/monitoring/*.json deploy/monitoring/*.yaml; do
	put 644 "$doc" "usr/share/doc/parley/$doc"
done
gzip -9n <CHANGELOG.md >"$root/usr/share/doc/parley/changelog.gz"
cat >"$root/usr/share/doc/parley/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: parley

Files: *
Copyright: the authors of Parley
License: Apache-2.0
 On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.
END
chmod 644 "$root"/etc/parley/* "$root"/usr/lib/systemd/system/* "$root"/usr/share/doc/parley/c*

cat >"$root/DEBIAN/control" <<END
Package: parley
Version: $version
Architecture: $arch
Maintainer: The authors of Parley <parley@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: adduser, init-system-helpers (>= 1.52)
Recommends: ca-certificates
Suggests: postgresql (>= 15), redis-server, clamav-daemon, caddy | nginx | haproxy
Section: net
Priority: optional
Description: chat server for communities
 One program that serves rooms, messages and files over REST and WebSockets.
 It keeps everything in one directory, or in PostgreSQL, Redis and S3-compatible
 storage, which make it one node of several.
END
echo /etc/parley/parley.toml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do put 755 "deploy/deb/$script" "DEBIAN/$script"; done
(cd "$root" && find usr -type f -exec md5sum {} + | sort -k 2 >DEBIAN/md5sums)
chmod 644 "$root"/DEBIAN/control "$root"/DEBIAN/conffiles "$root"/DEBIAN/md5sums
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$out"
dpkg-deb --root-owner-group --build "$root" "$out/parley_${version}_$arch.deb"
