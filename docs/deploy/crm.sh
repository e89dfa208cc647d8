#!/bin/sh
# /usr/local/bin/crm: the commands with the server's settings and as its user, whoever calls them.
# So no file in /var/lib/crm comes to belong to somebody else.
exec runuser -u crm -- sh -c '
    set -a
    . /etc/crm/crm.env
    cd "$CRM_INSTANCE" || exit 1
    exec /opt/crm/venv/bin/crm "$@"
' crm "$@"
