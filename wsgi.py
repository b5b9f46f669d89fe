"""For WSGI servers that are started from a checkout: ``gunicorn -c config/gunicorn.conf.py wsgi:application``."""

from maskservice.app import create_app

application = create_app()
