/* holdfastctl cert: makes a certificate to begin TLS with. */
#ifndef COMMON_CTL_CERT_H
#define COMMON_CTL_CERT_H

/* The words from "cert" on. Returns the exit status. */
int cert_command(int argc, char **argv);

#endif
