/* Keys and signatures over "hello\n", made by ssh-keygen -Y sign -n git and by minisign. */
#ifndef TESTS_UNIT_GITSYNC_VECTORS_H
#define TESTS_UNIT_GITSYNC_VECTORS_H

#define MESSAGE "hello\n"

#define ED25519_KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA54fTkzfo2zZAKcCYM+Qq/I6ZE0hVFR70OjtK7b1pu6"

static const char ed25519_signature[] =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgDnh9OTN+jbNkApwJgz5Cr8jpkT\n"
    "SFUVHvQ6O0rtvWm7oAAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5\n"
    "AAAAQDF3iBXfDds5j8bXrletd2PCoplhu4pqmp6cpPu3yH/v1Bh0U1hzyEsjViWB0VAwgF\n"
    "I/RJUD1wrNWHoC8wfRlAU=\n"
    "-----END SSH SIGNATURE-----\n";

#define ECDSA_256_KEY                                                                                        \
    "ecdsa-sha2-nistp256 "                                                                                   \
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKhJ8mvVhHqIDOrxLwfEHWhD/"                          \
    "E62hc1XsJdV7ugXsxQTPUohtAMvZ8w2B+EemkJAYl5WVNmfX/4aeDzMMgSEgbI="

static const char ecdsa_256_signature[] =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAAGgAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAAhuaXN0cDI1NgAAAE\n"
    "EEqEnya9WEeogM6vEvB8QdaEP8TraFzVewl1Xu6BezFBM9SiG0Ay9nzDYH4R6aQkBiXlZU\n"
    "2Z9f/hp4PMwyBISBsgAAAANnaXQAAAAAAAAABnNoYTUxMgAAAGMAAAATZWNkc2Etc2hhMi\n"
    "1uaXN0cDI1NgAAAEgAAAAgKSOM+qo6rKqEhE4Uzvgnh/RnJAGfcOmlu0OJd16EHpMAAAAg\n"
    "JAbbT7l3Hj/6qOIVtgrIOfKtstwwtP2EHOQ2jVkO20E=\n"
    "-----END SSH SIGNATURE-----\n";

#define RSA_2048_KEY                                                                                         \
    "ssh-rsa "                                                                                               \
    "AAAAB3NzaC1yc2EAAAADAQABAAABAQCk5uKuVrXjXa0wq/"                                                         \
    "jS78aBDLGn4rEurSbnPkI5A7I9vIZr95yiBdxFFBoKuY7Xaz8GLQQzXEqisMlBNld8Ne34BTz3JDMxBhjl/"                    \
    "Xc6UIv5coKd6KkH8lf3Mv+VY2Po00/"                                                                         \
    "9FJUXyaaKvhbhUIuGzgdsdkgvc80M0wUHdTeoEdhXtVBFdwufyWLlqav7UOQlGjtyYSrlGAZJ6cchmhV4Sn60oCFJchDzl7/"       \
    "Hu2Kogq1Wqc2mv7f5np/TjllkVCyjs0OEZJT+JFa/"                                                              \
    "pB9j1acj7HFfwUDycdbiBwxrjXmRjJPnT9psCFnzp7ubZOXiPDOtc740y7Vj7Zb+0VKkh7QaCiN1"

static const char rsa_2048_signature[] =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAARcAAAAHc3NoLXJzYQAAAAMBAAEAAAEBAKTm4q5WteNdrTCr+NLvxo\n"
    "EMsafisS6tJuc+QjkDsj28hmv3nKIF3EUUGgq5jtdrPwYtBDNcSqKwyUE2V3w17fgFPPck\n"
    "MzEGGOX9dzpQi/lygp3oqQfyV/cy/5VjY+jTT/0UlRfJpoq+FuFQi4bOB2x2SC9zzQzTBQ\n"
    "d1N6gR2Fe1UEV3C5/JYuWpq/tQ5CUaO3JhKuUYBknpxyGaFXhKfrSgIUlyEPOXv8e7YqiC\n"
    "rVapzaa/t/men9OOWWRULKOzQ4RklP4kVr+kH2PVpyPscV/BQPJx1uIHDGuNeZGMk+dP2m\n"
    "wIWfOnu5tk5eI8M61zvjTLtWPtlv7RUqSHtBoKI3UAAAADZ2l0AAAAAAAAAAZzaGE1MTIA\n"
    "AAEUAAAADHJzYS1zaGEyLTUxMgAAAQB4GIK6YGNMiQKnbY0nVjAcTn/FTitqCEuA4SXgJC\n"
    "dNoNqDEJuK31vXVxxc/3QnUYIVGnC8ntraQmmLIKDd+URUkw7CLyAoaFvIUU2ASltIuJIv\n"
    "dwWkDc0mOJ8gDoEy/EWAbmhZYgzmySzi7QSKL6ph2q1fnxt3kjinTjkEzX1a6k23DM1eJn\n"
    "GPARJKVY1MXBiMbnJmCz7+IZMDyx3M6vBdh4KiWezCIKDpumXSCd6v1aULqOxQ6KVldOUZ\n"
    "aYC/wTSjANmDnLcJLFoCA7RK4rp4KnqWtEWx62x+ux7ana3KiHibSa/Ku6CJQjoSCXDfuQ\n"
    "IyLJYdlZPh25jEk5Qkjq35\n"
    "-----END SSH SIGNATURE-----\n";

#define RSA_1024_KEY                                                                                         \
    "ssh-rsa "                                                                                               \
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDZu0bhRsZyrItdUIbJlcAVsZU0fr7ShUtrG0QEg+pddm+71P+UN5IxMf+"                \
    "D6pMj48QCPo3i9eHAd20RV9l4S5ysdFGQFCYDXz4jC/"                                                            \
    "pDWn15ZTv7ZeC7Oh8LUDyKXkAfg068lkm6OU2kl7O9l2TR7YCBxGf0jLpRc0gM1Aaasb/wQQ=="

static const char rsa_1024_signature[] =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAAJcAAAAHc3NoLXJzYQAAAAMBAAEAAACBANm7RuFGxnKsi11QhsmVwB\n"
    "WxlTR+vtKFS2sbRASD6l12b7vU/5Q3kjEx/4PqkyPjxAI+jeL14cB3bRFX2XhLnKx0UZAU\n"
    "JgNfPiML+kNafXllO/tl4Ls6HwtQPIpeQB+DTryWSbo5TaSXs72XZNHtgIHEZ/SMulFzSA\n"
    "zUBpqxv/BBAAAAA2dpdAAAAAAAAAAGc2hhNTEyAAAAlAAAAAxyc2Etc2hhMi01MTIAAACA\n"
    "PPR30xKd5V5Ij3fIhcX01sWfW/vbFuLd4N58ok541smJA6mEdJM9K+5HH+w4JzeyVzND4G\n"
    "nHdx5DkXKluDrZT5y4K4RgG1Ldb5gjGmxaiIC7WEW8nC2BYcyNlak/3KG01724a8HlSZ+V\n"
    "pA2rLh8leGAfkTdboxTrp8/vVuvM73Q=\n"
    "-----END SSH SIGNATURE-----\n";

#define MINISIGN_KEY "RWRQ87T/zlx7Bx5uZOMzZ48hbnu70DslzcRSW2pM1EhNcZP2hTGzB0yV"

static const char minisign_signature[] =
    "untrusted comment: signature from minisign secret key\n"
    "RURQ87T/zlx7Bxxe59SP8QPRQsE83HxuadP293WSXdIVSe9h7r0WTEH7vbHULR/S9Ha2PbzojanLoWCY7h1URUOMFrhgtvDqMA4=\n"
    "trusted comment: made for a test\n"
    "WHl0iJPfIu9AqmK0sC2dtxJLyLb5ykwKbZqcwIxtXrRrCBvDE3gUTO/wtQvSoYEvQOl3kBZP8hipS+LT0rcJDA==\n";

static const char minisign_legacy[] =
    "untrusted comment: signature from minisign secret key\n"
    "RWRQ87T/zlx7B+52CaM0W1C94XeH2XjptgH7EUJweNPYb4kbgwQPEB9OojYb5aL3hMQ4frarmItlSqk6av7R0r8v9qYPlCd/uww=\n"
    "trusted comment: old form\n"
    "7uZV6hlo1Q1BkF6tgg7yBtlNwjc03i/Gb+y9XAtLLfLs9gDL0qD26sB2CBBuocIR+1ca4So1GSQpJqYbaZRoBA==\n";

#endif
