"""URLs of members and invitations."""

from django.urls import path

from console.pages.team import groups, invitations, roles, sessions, views

# Under /t/<tenant>/.
urlpatterns = [
    path("team/", views.index, name="team"),
    path("team/invite/", invitations.invite, name="member_invite"),
    path("team/invitations/<uuid:invitation_id>/withdraw/", invitations.withdraw, name="invitation_withdraw"),
    path("team/groups/", groups.index, name="group_list"),
    path("team/groups/<uuid:group_id>/", groups.detail, name="group_detail"),
    path("team/groups/<uuid:group_id>/clients/", groups.clients, name="group_clients"),
    path("team/groups/<uuid:group_id>/delete/", groups.delete, name="group_delete"),
    path("team/roles/", roles.roles, name="role_list"),
    path("team/sessions/", sessions.index, name="member_sessions"),
    path("team/sessions/<uuid:session_id>/end/", sessions.end, name="member_session_end"),
    path("team/leave/", views.leave, name="team_leave"),
    path("team/transfer/", views.transfer, name="tenant_transfer"),
    path("team/<uuid:user_id>/role/", views.change_role, name="member_role"),
    path("team/<uuid:user_id>/deactivate/", views.deactivate, name="member_deactivate"),
    path("team/<uuid:user_id>/reactivate/", views.reactivate, name="member_reactivate"),
    path("team/<uuid:user_id>/remove/", views.remove, name="member_remove"),
]

# At the root: whoever opens it is no member yet.
invitation_urlpatterns = [path("invitations/<slug:slug>/<str:token>", invitations.accept, name="invitation_accept")]
