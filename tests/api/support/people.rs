//! Callers by role: the type says who is asking, and each holds its own token.

use std::ops::Deref;
use std::sync::OnceLock;

use super::client::{Caller, Role};
use super::{Worker, json, make};

macro_rules! personas {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Caller);

        impl Deref for $name {
            type Target = Caller;

            fn deref(&self) -> &Caller {
                &self.0
            }
        }
    )*};
}

personas! {
    /// Nobody in particular.
    Anon,
    /// A customer with no tickets yet.
    Customer,
    /// An agent in no category.
    Agent,
    /// A manager.
    Manager,
    /// An admin.
    Admin
}

impl Anon {
    pub fn new() -> Anon {
        Anon::on(Worker::shared())
    }

    pub fn on(worker: &Worker) -> Anon {
        Anon(Caller::nobody(&worker.host))
    }
}

impl Customer {
    /// A customer who registered just now.
    pub fn fresh() -> Customer {
        Customer::on(Worker::shared())
    }

    pub fn on(worker: &Worker) -> Customer {
        let email = make::email();
        let session = Anon::on(worker)
            .post(
                "/auth/register",
                json!({"email": email, "password": make::PASSWORD}),
            )
            .is(201);
        Customer(Caller::from_session(
            &worker.host,
            Role::Customer,
            &session.json(),
        ))
    }

    /// One customer for stories that need no list of their own.
    pub fn any() -> &'static Customer {
        static ONE: OnceLock<Customer> = OnceLock::new();
        ONE.get_or_init(Customer::fresh)
    }
}

impl Admin {
    /// The admin of the sample data.
    pub fn any() -> &'static Admin {
        static ONE: OnceLock<Admin> = OnceLock::new();
        ONE.get_or_init(|| Admin::on(Worker::shared()))
    }

    /// The admin of the sample data on another server.
    pub fn on(worker: &Worker) -> Admin {
        Admin(Caller::login(
            worker,
            Role::Admin,
            "admin@helpdesk.com",
            "admin123",
        ))
    }

    /// Creates an account with a password and signs it in.
    pub fn hire(&self, role: Role) -> Caller {
        let email = make::email();
        self.post(
            "/users",
            json!({"email": email, "password": make::PASSWORD, "role": role.as_str()}),
        )
        .is(201);
        let session = Caller::nobody(&self.host)
            .post("/auth/login", json!({"email": email, "password": make::PASSWORD}))
            .is(200)
            .json();
        Caller::from_session(&self.host, role, &session)
    }

    /// An admin of one's own.
    pub fn fresh() -> Admin {
        Admin(Admin::any().hire(Role::Admin))
    }
}

impl Agent {
    pub fn fresh() -> Agent {
        Agent(Admin::any().hire(Role::Agent))
    }

    /// One agent for stories that need no tickets of their own.
    pub fn any() -> &'static Agent {
        static ONE: OnceLock<Agent> = OnceLock::new();
        ONE.get_or_init(Agent::fresh)
    }
}

impl Manager {
    pub fn fresh() -> Manager {
        Manager(Admin::any().hire(Role::Manager))
    }

    pub fn any() -> &'static Manager {
        static ONE: OnceLock<Manager> = OnceLock::new();
        ONE.get_or_init(Manager::fresh)
    }
}
