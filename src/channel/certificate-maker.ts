/**
 * A program of its own, started by certificate-child.ts: a CertificateRequest as JSON on stdin, the KeyPair as JSON on
 * stdout. So the memory that it takes is given back, and the key is in no file and no command line.
 */
import { text } from 'node:stream/consumers';
import { type CertificateRequest, makeCertificate } from './certificates.ts';

const request = JSON.parse(await text(process.stdin)) as CertificateRequest;
process.stdout.write(JSON.stringify(await makeCertificate(request)));
