"""The relay behind real proxies, on another origin than the website: Debian's nginx and Caddy with our own files."""
