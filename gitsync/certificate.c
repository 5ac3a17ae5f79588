#include "gitsync/certificate.h"

#include <openssl/x509v3.h>

struct certificate_trouble certificate_trouble(const void *der, size_t len, const char *host)
{
    const unsigned char *at = der;
    X509 *certificate = len <= 1 << 20 ? d2i_X509(NULL, &at, (long)len) : NULL;
    struct certificate_trouble trouble = {
        "its certificate is not signed by an authority we trust", "name its authority: --ca-file"};
    if (certificate == NULL)
        trouble = (struct certificate_trouble){"its certificate cannot be read", "look at the server"};
    else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        trouble = (struct certificate_trouble){
            "its certificate is not valid yet", "is the clock right, here and where it was made?"};
    else if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        trouble = (struct certificate_trouble){"its certificate has expired", "its operator has to renew it"};
    else if (X509_check_ip_asc(certificate, host, 0) == 1)
        trouble = (struct certificate_trouble){
            "its certificate is for the address, and only names can be verified", "use a name in --repo"};
    else if (X509_check_host(certificate, host, 0, 0, NULL) != 1)
        trouble = (struct certificate_trouble){
            "its certificate is for another name", "use the name that stands in it in --repo"};
    X509_free(certificate);
    return trouble;
}
