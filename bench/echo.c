/* echo: the limit of the sockets path. Answers every UDP message with itself, the QR bit set, in batches
 * of 32 per system call and nothing else: no server can be faster over the same sockets.
 *
 *   echo PORT         on 127.0.0.1, until it is ended */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 32
#define ROOM 2048

static int open_socket(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int room = 4 << 20;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        perror("echo");
        exit(2);
    }
    return fd;
}

static void prepare(
    struct mmsghdr *messages, struct iovec *pieces, struct sockaddr_in *from, uint8_t (*buffers)[ROOM])
{
    for (int i = 0; i < BATCH; i++) {
        pieces[i] = (struct iovec){buffers[i], ROOM};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &pieces[i], .msg_iovlen = 1};
    }
}

int main(int argc, char **argv)
{
    static uint8_t buffers[BATCH][ROOM];
    static struct mmsghdr messages[BATCH];
    static struct iovec pieces[BATCH];
    static struct sockaddr_in from[BATCH];
    if (argc != 2) {
        fputs("usage: echo PORT\n", stderr);
        return 2;
    }
    int fd = open_socket((uint16_t)strtoul(argv[1], NULL, 10));
    for (;;) {
        prepare(messages, pieces, from, buffers);
        int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < got; i++) {
            buffers[i][2] |= 0x80;
            pieces[i].iov_len = messages[i].msg_len;
        }
        for (int sent = 0, done; sent < got; sent += done)
            if ((done = sendmmsg(fd, messages + sent, (unsigned)(got - sent), 0)) <= 0)
                break;
    }
}
