/* Records of signed examples in the table of rules, valid up to 2090. Made by
 * tests/unit/check/signed_examples.py; do not edit. Inner header of rules_dnssec.c. */
#ifndef ZONE_CHECK_RULE_SIGNED_H
#define ZONE_CHECK_RULE_SIGNED_H

#define SIGNED_ORIGIN "!$ORIGIN example.org.\n$TTL 3600\n"

#define SIGNED_SOA                                                                                           \
    "@ SOA ns.example.net. hostmaster 1 7200 3600 1209600 3600\n"                                            \
    "@ RRSIG SOA 15 2 3600 20900101000000 20250101000000 34259 @ "                                           \
    "UhpPx6MPzsP44u7HbyXNdGuTMHGLQN7tlua1rq2QxBfm7ur2KBxQOqEKxL9ng3YKxv6ONawORFbVlBVRyeLoAg==\n"

#define SIGNED_NS                                                                                            \
    "@ NS ns.example.net.\n"                                                                                 \
    "@ NS ns2.example.net.\n"                                                                                \
    "@ RRSIG NS 15 2 3600 20900101000000 20250101000000 34259 @ "                                            \
    "5eZGJ/07Q4OqpuDcwUvOcGNFsxem26ytPFBfpxrDhjk43dM3cGaVrcpM8v5ZRk5Zt4f5SJghYo87qzbQaeVbBg==\n"

#define SIGNED_NS_BY_OTHER                                                                                   \
    "@ NS ns.example.net.\n"                                                                                 \
    "@ NS ns2.example.net.\n"                                                                                \
    "@ RRSIG NS 15 2 3600 20900101000000 20250101000000 36560 @ "                                            \
    "5yhQ8UFa8J2hFvRprIhX1mPbeBEgogl2kDCw3iDTdYVji0hOKG9e/dhCgUq9b67rBRMwzrlzwfWf4C3jYnD+Bw==\n"

#define SIGNED_KEY                                                                                           \
    "@ DNSKEY 257 3 15 A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"                                       \
    "@ RRSIG DNSKEY 15 2 3600 20900101000000 20250101000000 34259 @ "                                        \
    "7DXqCr6tZw4sh5QqGVVOr4TPGYaaRsNr3YT8B0bC9evBaTfnmnJVzc+bszuRWJln4fKsMbF1RM0vQEB78rxkBg==\n"

#define UNSIGNED_KEY                                                                                         \
    "@ DNSKEY 257 3 15 A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"                                       \
    "@ RRSIG DNSKEY 15 2 3600 20900101000000 20250101000000 36560 @ "                                        \
    "Sw/+H2fpFeGTRCju5cGa7rVhqQ4mZ3RkdN973ItZ35z+us0fBpzZAvWU9A0XieGKJXf5epNz+OhRZkWhUZhqDA==\n"

#define SIGNED_KEY_REVOKED                                                                                   \
    "@ DNSKEY 257 3 15 A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"                                       \
    "@ DNSKEY 385 3 15 ebVWLo/mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ=\n"                                       \
    "@ RRSIG DNSKEY 15 2 3600 20900101000000 20250101000000 34259 @ "                                        \
    "WaekfcnGWUvZzBAaX2g5zU/lQkR6XBC9WbxUDmsRNqmBnV4ujJGkx3iG/Z7lchytksv6Tk93TBdOtOuBzsdFDA==\n"

#define SIGNED_KEY_REVOKED_BY_ITSELF                                                                         \
    "@ DNSKEY 257 3 15 A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"                                       \
    "@ DNSKEY 385 3 15 ebVWLo/mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ=\n"                                       \
    "@ RRSIG DNSKEY 15 2 3600 20900101000000 20250101000000 34259 @ "                                        \
    "WaekfcnGWUvZzBAaX2g5zU/lQkR6XBC9WbxUDmsRNqmBnV4ujJGkx3iG/Z7lchytksv6Tk93TBdOtOuBzsdFDA==\n"             \
    "@ RRSIG DNSKEY 15 2 3600 20900101000000 20250101000000 36688 @ "                                        \
    "Y+euh02qxsE0PiF770elAwzPLtrskwB5PwjcSg458yirwdcUAOV2TwYw6tFvCTfNDKOcX0l+eaVGf/TRVR6YAw==\n"

#define SIGNED_KEY_TWO                                                                                       \
    "@ DNSKEY 257 3 15 A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"                                       \
    "@ DNSKEY 257 3 13 "                                                                                     \
    "PteijsZI7c5dW34lL2sqr7tEg1EUoks8qo9xD2SZO8JXEaNM3JIpCAtjnwmXf+t8qR7M4WSb/qithccrIGrefg==\n"             \
    "@ RRSIG DNSKEY 15 2 3600 20900101000000 20250101000000 34259 @ "                                        \
    "STnuNmtdtSL75L5ebt/SCCZbas1bF9lHaQb+U4sn7dn7Zhsq1M3ZJcPvOpfLhxw5guAsw1uTFZS6L77ewSM1Dw==\n"             \
    "@ RRSIG DNSKEY 13 2 3600 20900101000000 20250101000000 41943 @ "                                        \
    "bCA9o+fXA3iZvZmwmzyxpcA7D3LmiIhYu6W3Jyc2vszWSprjtL7GjMhl9riUuPBqK/eN29owKAgydO/XKcOC4A==\n"

#define SIGNED_WWW                                                                                           \
    "www A 192.0.2.3\n"                                                                                      \
    "www RRSIG A 15 3 3600 20900101000000 20250101000000 34259 @ "                                           \
    "IAcKjEBotSjuKec68cNoi5lSyFSombmTlI/WqRFmKSLIMuF39kss4r47FkIsu63Foabjm5GgoMtLm+U/JMqGBA==\n"

#define CHANGED_WWW                                                                                          \
    "www A 192.0.2.4\n"                                                                                      \
    "www RRSIG A 15 3 3600 20900101000000 20250101000000 34259 @ "                                           \
    "IAcKjEBotSjuKec68cNoi5lSyFSombmTlI/WqRFmKSLIMuF39kss4r47FkIsu63Foabjm5GgoMtLm+U/JMqGBA==\n"

#define UNSIGNED_WWW "www A 192.0.2.3\n"

#define NSEC_APEX                                                                                            \
    "@ NSEC www NS SOA RRSIG NSEC DNSKEY\n"                                                                  \
    "@ RRSIG NSEC 15 2 3600 20900101000000 20250101000000 34259 @ "                                          \
    "ab4C6FF2s1JEZfY219JagV90arT6X3+Kga1TF62p4PhkgzZGk25tllvhHlriVLSf8Ad9MYmVPB5cXYveQoF2DA==\n"

#define NSEC_APEX_ALONE                                                                                      \
    "@ NSEC @ NS SOA RRSIG NSEC DNSKEY\n"                                                                    \
    "@ RRSIG NSEC 15 2 3600 20900101000000 20250101000000 34259 @ "                                          \
    "Q6nLRwvUVux2K1avu0ODzMR9XgGbge8drZAfmtaCsXn0S2WD4KJNzwi9F/ZkjVd7V5BNuUZILw2VCjNLg5kcAw==\n"

#define NSEC_APEX_SUB                                                                                        \
    "@ NSEC sub NS SOA RRSIG NSEC DNSKEY\n"                                                                  \
    "@ RRSIG NSEC 15 2 3600 20900101000000 20250101000000 34259 @ "                                          \
    "GYDdjVWIu+8qsD5YTrEO2TQT+pu4Ai8i/Xi8IyIappR0PgP/rvmzYWnzGBYKGaklEhbKvjrLVD3nzlt2Qt9QCA==\n"

#define NSEC_WWW                                                                                             \
    "www NSEC @ A RRSIG NSEC\n"                                                                              \
    "www RRSIG NSEC 15 3 3600 20900101000000 20250101000000 34259 @ "                                        \
    "IP4cya4kZSqXpwTJxqa18VCkDF3twiMqr1CafXU3vInPxpCto+QqVJiLiLxLNdYDhU+zUqoBsa5G6RbhnBjZDQ==\n"

#define NSEC_SUB                                                                                             \
    "sub NSEC @ NS RRSIG NSEC\n"                                                                             \
    "sub RRSIG NSEC 15 3 3600 20900101000000 20250101000000 34259 @ "                                        \
    "bRFOVBQNAeqAINIKCRQfI7R9oOitzJKD4akH+Q57B0CNdm9Cv0bEzpM5oDfViGs1hR6ziqKDQVerizUrzBROBw==\n"

#define NSEC_GLUE                                                                                            \
    "ns.sub NSEC @ A RRSIG NSEC\n"                                                                           \
    "ns.sub RRSIG NSEC 15 4 3600 20900101000000 20250101000000 34259 @ "                                     \
    "GU8x1KIUCx4FC/owRo1yD9+vDzsSkO4W6LqvtTZG9z2wCamK7WCN/crzYknuumSajT+Tf+lukW1ifV1fZO06AA==\n"

#define SUB_GLUE                                                                                             \
    "sub NS ns.sub\n"                                                                                        \
    "sub NS ns.example.net.\n"                                                                               \
    "ns.sub A 192.0.2.3\n"

#define SUB_CUT                                                                                              \
    "sub NS ns.example.net.\n"                                                                               \
    "sub NS ns2.example.net.\n"

#define NSEC3_PARAM                                                                                          \
    "@ NSEC3PARAM 1 0 0 -\n"                                                                                 \
    "@ RRSIG NSEC3PARAM 15 2 3600 20900101000000 20250101000000 34259 @ "                                    \
    "YLyjqEO1g17dY+j26tSbS/VvoaSGSYf+iCvvO/oDHZPnYeLaiSUE5eKyZPIstVE0Pj72vMCVv6/KS8wDQByeCw==\n"

#define NSEC3_APEX                                                                                           \
    "8um1kjcjmofvvmq7cb0op7jt39lg8r9j NSEC3 1 0 0 - vfk8su5vegu02jm1oh6und5ik7bkhf35 NS SOA RRSIG DNSKEY "   \
    "NSEC3PARAM\n"                                                                                           \
    "8um1kjcjmofvvmq7cb0op7jt39lg8r9j RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "wWJXMlQhSV1iIMO77Q827q6NmKYLTGZel4dQDeVang8IpVAFWUsXk5NKQCAqhqvC2jOXlp41+ox131CGK3gCDA==\n"

#define NSEC3_WWW                                                                                            \
    "vfk8su5vegu02jm1oh6und5ik7bkhf35 NSEC3 1 0 0 - 8um1kjcjmofvvmq7cb0op7jt39lg8r9j A RRSIG\n"              \
    "vfk8su5vegu02jm1oh6und5ik7bkhf35 RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "OLGfdIGWj3SpBqCwQuAx/Qnx+nBADiJhBGH3Ldj4TStNvbG0WToQ3cdA9fPriih1/J/F4dP9lsSH0Fx8mmi3Bw==\n"

#define NSEC3_WWW_ASTRAY                                                                                     \
    "vfk8su5vegu02jm1oh6und5ik7bkhf35 NSEC3 1 0 0 - mnhesp69e0n0ou5g7ma1cmoi3ndofev9 A RRSIG\n"              \
    "vfk8su5vegu02jm1oh6und5ik7bkhf35 RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "maGQCKJLNv02NcECFbQW23UVN9Do/dYZUVA7IqLQRNRug3lU0MyCJIouY/7ymHM5WeA3t4ewh9kxAuVkZxg4Aw==\n"

#define NSEC3_WWW_TYPES                                                                                      \
    "vfk8su5vegu02jm1oh6und5ik7bkhf35 NSEC3 1 0 0 - 8um1kjcjmofvvmq7cb0op7jt39lg8r9j A MX RRSIG\n"           \
    "vfk8su5vegu02jm1oh6und5ik7bkhf35 RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "ZKVTg2XFjkLDcWE2UIVUzacw8/bhxc1jgBJmtLMHLA8vQQTY9nn/YatC0EA4ow7dkJoltM9W9359xh7sTFOmAA==\n"

#define NSEC3_SALTED                                                                                         \
    "mnhesp69e0n0ou5g7ma1cmoi3ndofev9 NSEC3 1 0 0 AABB mnhesp69e0n0ou5g7ma1cmoi3ndofev9 A\n"                 \
    "mnhesp69e0n0ou5g7ma1cmoi3ndofev9 RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "mFw5IKLxFY4fz4hoP/IeTCTBWU7xpqYQIEoc7XDHthkKFk1QY3zsXmUGDCZTj7fWBo04Bk7JkeZJLc8Fu+QiDw==\n"

#define NSEC3_APEX_ALONE                                                                                     \
    "8um1kjcjmofvvmq7cb0op7jt39lg8r9j NSEC3 1 0 0 - 8um1kjcjmofvvmq7cb0op7jt39lg8r9j NS SOA RRSIG DNSKEY "   \
    "NSEC3PARAM\n"                                                                                           \
    "8um1kjcjmofvvmq7cb0op7jt39lg8r9j RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "moKnAkMr2N3JDFZvd6oZyP16rSP8PJs9Uytwl9J4aPFVT9q4JKnWRDL1pLOTxuZ2lRgadpafBBeXuZAQ1QfnBQ==\n"

#define NSEC3_EXTRA_APEX                                                                                     \
    "8um1kjcjmofvvmq7cb0op7jt39lg8r9j NSEC3 1 0 0 - mnhesp69e0n0ou5g7ma1cmoi3ndofev9 NS SOA RRSIG DNSKEY "   \
    "NSEC3PARAM\n"                                                                                           \
    "8um1kjcjmofvvmq7cb0op7jt39lg8r9j RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "BxpmZcDUJqH4RJf5zf2uGGWFjuT2R4+pNCAX1DMLEgcHbS0LPTUE4CGmadf3Qlt3pJCdZtQL2i5bjXkOUrT7BA==\n"

#define NSEC3_EXTRA_WWW                                                                                      \
    "vfk8su5vegu02jm1oh6und5ik7bkhf35 NSEC3 1 0 0 - 8um1kjcjmofvvmq7cb0op7jt39lg8r9j A RRSIG\n"              \
    "vfk8su5vegu02jm1oh6und5ik7bkhf35 RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "OLGfdIGWj3SpBqCwQuAx/Qnx+nBADiJhBGH3Ldj4TStNvbG0WToQ3cdA9fPriih1/J/F4dP9lsSH0Fx8mmi3Bw==\n"

#define NSEC3_EXTRA_NOWHERE                                                                                  \
    "mnhesp69e0n0ou5g7ma1cmoi3ndofev9 NSEC3 1 0 0 - vfk8su5vegu02jm1oh6und5ik7bkhf35 A RRSIG\n"              \
    "mnhesp69e0n0ou5g7ma1cmoi3ndofev9 RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "RHcFolz88Gnj5AAIyR2+Chl/8rtw7FlZQUCGcwdBmePgi5dflAzIb0WhXktdVoUji3UIsEf0uLyh+ltk+RvgDg==\n"

#define NSEC3_OUT_APEX                                                                                       \
    "8um1kjcjmofvvmq7cb0op7jt39lg8r9j NSEC3 1 1 0 - vfk8su5vegu02jm1oh6und5ik7bkhf35 NS SOA RRSIG DNSKEY "   \
    "NSEC3PARAM\n"                                                                                           \
    "8um1kjcjmofvvmq7cb0op7jt39lg8r9j RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "JnoAHyguiL/Gw9bfNk8IGhfRCq8yOajakyyODCIEvamy82csllg9Ud8GibUREx1TmwhPZZuV/fprcH/C5v9zAg==\n"

#define NSEC3_OUT_WWW                                                                                        \
    "vfk8su5vegu02jm1oh6und5ik7bkhf35 NSEC3 1 1 0 - 8um1kjcjmofvvmq7cb0op7jt39lg8r9j A RRSIG\n"              \
    "vfk8su5vegu02jm1oh6und5ik7bkhf35 RRSIG NSEC3 15 3 3600 20900101000000 20250101000000 34259 @ "          \
    "jyYKaBLQO/HTqEQ9syEkfEn4h/jQoh9a+QuN/tjeZ99/4FVK2kJnDwdS+3XAMHdyWUI4GYWLom1NLH0ZLRdMAw==\n"

#endif
